/**
 * Ends a text of Markdown for the Temporal UI. The UI (2.42) gives each text a frame that is some pixels too low for it,
 * and cuts through the last line: a blank paragraph is what it may cut. A no-break space, as a plain one is dropped.
 */
export const BLANK_LAST_LINE = '\n\n\u00a0';
