const STORED_AS = "millrace-project";

/** The project that the pages are narrowed to, as this browser keeps it; null: all that there are. */
export function chosenProject(): string | null {
  try {
    return localStorage.getItem(STORED_AS);
  } catch {
    // A browser that keeps nothing: then there is nothing to narrow to.
    return null;
  }
}

/** Narrows the pages to a project, or (null) to none, and begins anew: what they have shown is of another. */
export function chooseProject(project: string | null): void {
  try {
    if (project === null) localStorage.removeItem(STORED_AS);
    else localStorage.setItem(STORED_AS, project);
  } catch {
    return;
  }
  window.location.assign("/");
}
