import { Loader, Text, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { ApiError, type Finding } from "@millrace/client";
import { CircleAlert, CircleCheck, TriangleAlert, Unplug } from "lucide-react";
import { CodeText } from "../ui/code-text.tsx";
import classes from "./findings-list.module.css";
import type { Findings } from "./use-findings.ts";

/** All findings, errors first; one that is chosen is gone to. */
export function FindingsList({ findings, onGoTo }: { findings: Findings; onGoTo: (finding: Finding) => void }) {
  const { report, isCurrent, error } = findings;
  return (
    <section aria-label="Findings" className={classes.findings}>
      <div className={classes.summary}>
        <Summary findings={findings} />
        {/* Read out when it is another, not on every letter that is typed. */}
        <VisuallyHidden role="status">
          {error !== null ? "This text is not checked." : report === null ? "" : summaryOf(report)}
        </VisuallyHidden>
      </div>
      {report === null || report.issues.length === 0 ? null : (
        <ul className={classes.list} data-stale={!isCurrent || undefined}>
          {report.issues.map((finding) => (
            <li key={`${finding.code} ${finding.path} ${finding.line}:${finding.column} ${finding.message}`}>
              <UnstyledButton className={classes.finding} onClick={() => onGoTo(finding)}>
                {finding.severity === "error" ? (
                  <CircleAlert size={15} className={classes.error} aria-label="Error" />
                ) : (
                  <TriangleAlert size={15} className={classes.warning} aria-label="Warning" />
                )}
                <span className={classes.text}>
                  <span className={classes.place}>
                    Line {finding.line}, column {finding.column} <span className={classes.code}>{finding.code}</span>
                  </span>
                  <span>
                    <CodeText text={finding.message} />
                  </span>
                  {finding.suggestion === null ? null : (
                    <span className={classes.hint}>
                      <CodeText text={finding.suggestion} />
                    </span>
                  )}
                </span>
              </UnstyledButton>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Summary({ findings: { report, error } }: { findings: Findings }) {
  if (error !== null) {
    return (
      <>
        <Unplug size={15} className={classes.error} aria-hidden />
        <Text size="sm">
          {error instanceof ApiError && error.status > 0
            ? `The service does not check this text: ${error.message}`
            : "The service does not answer, so this text is not checked."}{" "}
          It stays here, and the service is asked again by itself.
        </Text>
      </>
    );
  }
  if (report === null) {
    return (
      <>
        <Loader size={14} aria-hidden />
        <Text size="sm">Checking</Text>
      </>
    );
  }
  const Icon = report.error_count > 0 ? CircleAlert : report.warning_count > 0 ? TriangleAlert : CircleCheck;
  const tone = report.error_count > 0 ? classes.error : report.warning_count > 0 ? classes.warning : classes.good;
  return (
    <>
      <Icon size={15} className={tone} aria-hidden />
      <Text size="sm" aria-hidden>
        {summaryOf(report)}
      </Text>
    </>
  );
}

/** The count of findings, in words. */
export function summaryOf({
  error_count: errors,
  warning_count: warnings,
}: {
  error_count: number;
  warning_count: number;
}): string {
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
  if (errors === 0 && warnings === 0) return "No findings: it can be run.";
  if (errors === 0) return `${count(warnings, "warning")}: it can be run.`;
  return `${count(errors, "error")}${warnings === 0 ? "" : `, ${count(warnings, "warning")}`}: it cannot be run.`;
}
