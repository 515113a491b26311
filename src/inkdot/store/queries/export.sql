-- name: parquet
-- A batch as a Parquet file.
COPY (FROM batch) TO '{path}' (FORMAT parquet, COMPRESSION zstd);
