CREATE TABLE results (name STRING, city STRING, state STRING, id BIGINT) WITH (${sink});
INSERT INTO results
  SELECT p.name, p.city, p.state, a.id
  FROM auction a JOIN person p ON a.seller = p.id
  WHERE a.category = 10 AND p.state IN ('OR', 'ID', 'CA');
