import assert from "node:assert/strict";
import { test } from "node:test";
import { parseS3Url } from "./s3-location.ts";

test("s3: a URL names bucket and prefix, and the server, its region and its style where they are not the usual ones", () => {
  assert.deepEqual(parseS3Url("s3://runs"), {
    bucket: "runs",
    prefix: "",
    endpoint: null,
    region: "us-east-1",
    pathStyle: false,
  });
  assert.deepEqual(
    parseS3Url("s3://runs/a/b%20c/?endpoint=https://s3.example.org:9000&region=eu-1", { AWS_REGION: "other" }),
    { bucket: "runs", prefix: "a/b c/", endpoint: "https://s3.example.org:9000", region: "eu-1", pathStyle: true },
  );
  assert.equal(parseS3Url("s3://runs?endpoint=http://h&path_style=false").pathStyle, false);
  assert.equal(parseS3Url("s3://runs?path_style=true").pathStyle, true);
  assert.equal(parseS3Url("s3://runs", { AWS_DEFAULT_REGION: "eu-2" }).region, "eu-2");
});

test("s3: a URL that is none is refused with what is wrong, and nothing of a secret in it is repeated", () => {
  const refused = (url: string, message: RegExp) =>
    assert.throws(
      () => parseS3Url(url),
      (error) => {
        assert.ok(error instanceof Error && "code" in error);
        assert.equal(error.code, "SETTING_INVALID");
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      },
      url,
    );
  refused("hunter2", /expected a URL/);
  refused("https://runs/hunter2", /expected a URL/);
  refused("s3://key:hunter2@runs", /AWS_SECRET_ACCESS_KEY/);
  refused("s3://runs?endpoint=https://key:hunter2@host", /AWS_SECRET_ACCESS_KEY/);
  refused("s3://runs?secret_access_key=hunter2", /"secret_access_key" is none of/);
  refused("s3://runs?endpoint=host:9000", /`endpoint` is a URL/);
  refused("s3://Runs_", /bucket's name/);
  refused("s3://", /bucket's name/);
  refused("s3://runs/a//b", /prefix/);
  refused("s3://runs/%zz", /prefix/);
  refused(`s3://runs/${"x".repeat(600)}`, /prefix/);
  refused("s3://runs?region=a/b", /region/);
  refused("s3://runs?path_style=yes", /path_style/);
});
