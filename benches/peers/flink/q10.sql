CREATE TABLE results (auction BIGINT, bidder BIGINT, price BIGINT, `dateTime` TIMESTAMP_LTZ(3), extra STRING,
  `day` STRING, `minute` STRING) PARTITIONED BY (`day`, `minute`)
  WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '${path}');
INSERT INTO results
  SELECT auction, bidder, price, `dateTime`, extra,
    DATE_FORMAT(`dateTime`, 'yyyy-MM-dd'), DATE_FORMAT(`dateTime`, 'HH:mm')
  FROM bid;
