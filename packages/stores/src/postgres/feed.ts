export type { CommitFeed, CommitPage, CommitSource, CommittedGroup, FeedFactory } from "../feed/commit-feed.ts";
