CREATE TABLE results (channel STRING, `day` STRING, `minute` STRING,
  totalBids BIGINT, rank1Bids BIGINT, rank2Bids BIGINT, rank3Bids BIGINT,
  totalBidders BIGINT, rank1Bidders BIGINT, rank2Bidders BIGINT, rank3Bidders BIGINT,
  totalAuctions BIGINT, rank1Auctions BIGINT, rank2Auctions BIGINT, rank3Auctions BIGINT) WITH (${sink});
INSERT INTO results
  SELECT channel, DATE_FORMAT(`dateTime`, 'yyyy-MM-dd'), max(DATE_FORMAT(`dateTime`, 'HH:mm')),
    count(*),
    count(*) FILTER (WHERE price < 10000),
    count(*) FILTER (WHERE price >= 10000 AND price < 1000000),
    count(*) FILTER (WHERE price >= 1000000),
    count(DISTINCT bidder),
    count(DISTINCT bidder) FILTER (WHERE price < 10000),
    count(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price < 1000000),
    count(DISTINCT bidder) FILTER (WHERE price >= 1000000),
    count(DISTINCT auction),
    count(DISTINCT auction) FILTER (WHERE price < 10000),
    count(DISTINCT auction) FILTER (WHERE price >= 10000 AND price < 1000000),
    count(DISTINCT auction) FILTER (WHERE price >= 1000000)
  FROM bid
  GROUP BY channel, DATE_FORMAT(`dateTime`, 'yyyy-MM-dd');
