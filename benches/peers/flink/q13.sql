-- A file can only be joined as a stream: all of its rows are kept, and the bids.
CREATE TABLE side (key BIGINT, `value` STRING) WITH ('connector' = 'filesystem', 'format' = 'csv',
  'csv.ignore-parse-errors' = 'true', 'path' = '${data}/side-input.csv');
CREATE TABLE results (auction BIGINT, bidder BIGINT, price BIGINT, `dateTime` TIMESTAMP_LTZ(3), `value` STRING)
  WITH (${sink});
INSERT INTO results
  SELECT b.auction, b.bidder, b.price, b.`dateTime`, s.`value`
  FROM bid b JOIN side s ON MOD(b.auction, 10000) = s.key;
