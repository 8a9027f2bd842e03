import type { Command } from 'commander';
import type { CliContext } from './cli-context.js';

/** Adds one command, or a group of them, to the program. */
export type Register = (program: Command, run: Run) => void;

/** Runs a command's action with the context that its global options make. */
export type Run = (command: Command, action: (context: CliContext) => Promise<void>) => Promise<void>;
