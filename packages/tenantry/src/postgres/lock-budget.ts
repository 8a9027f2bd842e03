/** Locks that one transaction may take: a small part of the 12,900 slots of a server with default settings, which all share. */
export const lockBudget = 600;
