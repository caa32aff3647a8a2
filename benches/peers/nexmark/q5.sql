-- Each bid is in the five windows of 10 s that began at a multiple of 2 s, at most 10 s before it.
WITH hops AS (
  SELECT auction, time_bucket(INTERVAL 2 SECOND, "dateTime") - INTERVAL 2 SECOND * hop AS "windowStart"
  FROM bids, range(5) hops(hop)
),
counts AS (SELECT auction, "windowStart", count(*) AS num FROM hops GROUP BY ALL)
SELECT auction, "windowStart", "windowStart" + INTERVAL 10 SECOND AS "windowEnd", num
FROM counts
QUALIFY num = max(num) OVER (PARTITION BY "windowStart")
