export { createS3Client, type S3ClientOptions } from "./s3-client.ts";
export { deleteS3Objects, listS3Objects, type S3Listed } from "./s3-listing.ts";
export { parseS3Url, type S3Location } from "./s3-location.ts";
export { fromHeaders, type S3Headers, type S3Metadata, toHeaders } from "./s3-metadata.ts";
export { S3ObjectStore } from "./s3-object-store.ts";
export { isAbsent, isOtherVersion, type S3Problem, s3Failure, s3Problem } from "./s3-problem.ts";
export { openS3Object, readS3Object, type S3Source } from "./s3-read.ts";
export { MULTIPART_BYTES, type S3Write, writeS3Object } from "./s3-write.ts";
