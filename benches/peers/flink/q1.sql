CREATE TABLE results (auction BIGINT, bidder BIGINT, price DOUBLE, `dateTime` TIMESTAMP_LTZ(3), extra STRING)
  WITH (${sink});
INSERT INTO results SELECT auction, bidder, price * CAST(0.908 AS DOUBLE), `dateTime`, extra FROM bid;
