CREATE TABLE results (auction BIGINT, `day` STRING,
  totalBids BIGINT, rank1Bids BIGINT, rank2Bids BIGINT, rank3Bids BIGINT,
  minPrice BIGINT, maxPrice BIGINT, avgPrice DOUBLE, sumPrice BIGINT) WITH (${sink});
INSERT INTO results
  SELECT auction, DATE_FORMAT(`dateTime`, 'yyyy-MM-dd'),
    count(*),
    count(*) FILTER (WHERE price < 10000),
    count(*) FILTER (WHERE price >= 10000 AND price < 1000000),
    count(*) FILTER (WHERE price >= 1000000),
    min(price), max(price), avg(CAST(price AS DOUBLE)), sum(price)
  FROM bid
  GROUP BY auction, DATE_FORMAT(`dateTime`, 'yyyy-MM-dd');
