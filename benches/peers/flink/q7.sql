CREATE TABLE results (auction BIGINT, bidder BIGINT, price BIGINT, `dateTime` TIMESTAMP_LTZ(3), extra STRING)
  WITH (${sink});
INSERT INTO results
  SELECT b.auction, b.bidder, b.price, b.`dateTime`, b.extra
  FROM bid b
  JOIN (
    SELECT MAX(price) AS most, window_time AS t
    FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
    GROUP BY window_start, window_end, window_time
  ) m
  ON b.price = m.most AND b.`dateTime` BETWEEN m.t - INTERVAL '9.999' SECOND AND m.t;
