export { type BucketProbe, probeBucket } from "./probe-bucket.ts";
export { type DataDirProbe, type FileProbe, probeDataDir } from "./probe-data-dir.ts";
export { type NatsProbe, probeNats, QUEUE_BYTES } from "./probe-nats.ts";
export { type PostgresProbe, probePostgres } from "./probe-postgres.ts";
