/** Narrows a request to one project. In a file of its own: clients need nothing else of what stands beside it. */
export const PROJECT_HEADER = "Millrace-Project";
