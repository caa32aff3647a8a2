[
  (job_declaration)
  (source_declaration)
  (table_declaration)
  (stream_declaration)
  (sink_declaration)
  (test_declaration)
  (block)
  (arguments)
  (parameters)
  (record)
  (record_type)
  (list)
  (map)
  (match)
] @indent

["}" "]" ")"] @outdent
