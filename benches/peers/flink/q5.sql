CREATE TABLE results (auction BIGINT, num BIGINT, windowEnd TIMESTAMP(3)) WITH (${sink});
CREATE VIEW counts AS
  SELECT auction, window_start, window_end, count(*) AS num
  FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
  GROUP BY auction, window_start, window_end;
INSERT INTO results
  SELECT c.auction, c.num, c.window_end
  FROM counts c
  JOIN (SELECT window_start, window_end, max(num) AS most FROM counts GROUP BY window_start, window_end) m
  ON c.window_start = m.window_start AND c.window_end = m.window_end AND c.num >= m.most;
