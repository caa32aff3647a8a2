SELECT id, name, time_bucket(INTERVAL 10 SECOND, "dateTime") AS "startTime"
FROM persons p
WHERE EXISTS (
  FROM auctions a
  WHERE a.seller = p.id
    AND time_bucket(INTERVAL 10 SECOND, a."dateTime") = time_bucket(INTERVAL 10 SECOND, p."dateTime")
)
