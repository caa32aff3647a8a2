CREATE TABLE results (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING,
  `dateTime` TIMESTAMP_LTZ(3), extra STRING, `rank` BIGINT) WITH (${sink});
INSERT INTO results
  SELECT *
  FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS place FROM bid)
  WHERE place <= 10;
