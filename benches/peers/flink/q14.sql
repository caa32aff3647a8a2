CREATE TABLE results (auction BIGINT, bidder BIGINT, price DOUBLE, kind STRING, `dateTime` TIMESTAMP_LTZ(3),
  extra STRING, cs BIGINT) WITH (${sink});
INSERT INTO results
  SELECT auction, bidder, price * CAST(0.908 AS DOUBLE),
    CASE
      WHEN HOUR(`dateTime`) BETWEEN 8 AND 18 THEN 'dayTime'
      WHEN HOUR(`dateTime`) <= 6 OR HOUR(`dateTime`) >= 20 THEN 'nightTime'
      ELSE 'otherTime'
    END,
    `dateTime`, extra, CHAR_LENGTH(extra) - CHAR_LENGTH(REPLACE(extra, 'c', ''))
  FROM bid
  WHERE price * CAST(0.908 AS DOUBLE) > 1000000 AND price * CAST(0.908 AS DOUBLE) < 50000000;
