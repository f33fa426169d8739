/**
 * After so long something that was waited for hangs, milliseconds. It ends a test, and measures nothing: two cores may be busy with a dozen
 * servers and two other files of tests.
 */
export const HANG_MS = 150_000
