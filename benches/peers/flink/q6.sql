-- The benchmark's own form (an OVER window on updates) is not supported; the ten last auctions as a top-N are.
CREATE TABLE results (seller BIGINT, price DOUBLE) WITH (${sink});
INSERT INTO results
  SELECT seller, AVG(CAST(final AS DOUBLE))
  FROM (
    SELECT seller, final, ROW_NUMBER() OVER (PARTITION BY seller ORDER BY expires DESC, id DESC) AS place
    FROM (
      SELECT a.id, a.seller, a.expires, MAX(b.price) AS final
      FROM auction a JOIN bid b ON a.id = b.auction AND b.`dateTime` BETWEEN a.`dateTime` AND a.expires
      GROUP BY a.id, a.seller, a.expires
    )
  )
  WHERE place <= 10
  GROUP BY seller;
