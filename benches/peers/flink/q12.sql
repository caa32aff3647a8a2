CREATE TABLE results (bidder BIGINT, windowStart TIMESTAMP(3), windowEnd TIMESTAMP(3), bids BIGINT) WITH (${sink});
CREATE VIEW arriving AS SELECT bidder, PROCTIME() AS arrived FROM bid;
INSERT INTO results
  SELECT bidder, window_start, window_end, count(*)
  FROM TABLE(TUMBLE(TABLE arriving, DESCRIPTOR(arrived), INTERVAL '10' SECOND))
  GROUP BY bidder, window_start, window_end;
