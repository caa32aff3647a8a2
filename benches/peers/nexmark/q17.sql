SELECT auction, strftime("dateTime", '%Y-%m-%d') AS day,
  count(*) AS "totalBids",
  count(*) FILTER (price < 10000) AS "rank1Bids",
  count(*) FILTER (price >= 10000 AND price < 1000000) AS "rank2Bids",
  count(*) FILTER (price >= 1000000) AS "rank3Bids",
  min(price) AS "minPrice", max(price) AS "maxPrice", avg(price) AS "avgPrice", sum(price) AS "sumPrice"
FROM bids
GROUP BY auction, day
