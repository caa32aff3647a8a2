CREATE TABLE results (bidder BIGINT, windowStart TIMESTAMP(3), windowEnd TIMESTAMP(3), bids BIGINT) WITH (${sink});
INSERT INTO results
  SELECT bidder, window_start, window_end, count(*)
  FROM TABLE(SESSION(TABLE bid PARTITION BY bidder, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
  GROUP BY bidder, window_start, window_end;
