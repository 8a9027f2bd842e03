/** Thrown by an attempt that needs what is not there. */
export class NotApplicable extends Error {}
