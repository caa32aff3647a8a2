-- A bid begins a session when the one before it is more than 10 s away.
WITH gaps AS (
  SELECT bidder, "dateTime",
    coalesce("dateTime" - lag("dateTime") OVER by_bidder > INTERVAL 10 SECOND, true) AS begins
  FROM bids
  WINDOW by_bidder AS (PARTITION BY bidder ORDER BY "dateTime")
),
sessions AS (
  SELECT bidder, "dateTime",
    sum(begins::INT) OVER (PARTITION BY bidder ORDER BY "dateTime" ROWS UNBOUNDED PRECEDING) AS session
  FROM gaps
)
SELECT bidder, min("dateTime") AS "windowStart", max("dateTime") + INTERVAL 10 SECOND AS "windowEnd",
  count(*) AS bids
FROM sessions
GROUP BY bidder, session
