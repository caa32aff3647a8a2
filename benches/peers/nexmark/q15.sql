SELECT strftime("dateTime", '%Y-%m-%d') AS day,
  count(*) AS "totalBids",
  count(*) FILTER (price < 10000) AS "rank1Bids",
  count(*) FILTER (price >= 10000 AND price < 1000000) AS "rank2Bids",
  count(*) FILTER (price >= 1000000) AS "rank3Bids",
  count(DISTINCT bidder) AS "totalBidders",
  count(DISTINCT bidder) FILTER (price < 10000) AS "rank1Bidders",
  count(DISTINCT bidder) FILTER (price >= 10000 AND price < 1000000) AS "rank2Bidders",
  count(DISTINCT bidder) FILTER (price >= 1000000) AS "rank3Bidders",
  count(DISTINCT auction) AS "totalAuctions",
  count(DISTINCT auction) FILTER (price < 10000) AS "rank1Auctions",
  count(DISTINCT auction) FILTER (price >= 10000 AND price < 1000000) AS "rank2Auctions",
  count(DISTINCT auction) FILTER (price >= 1000000) AS "rank3Auctions"
FROM bids
GROUP BY day
