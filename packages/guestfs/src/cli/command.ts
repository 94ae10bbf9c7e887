/** A command of the `guestfs` program. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** All that there is to say about it, with its options. */
  readonly usage: string;
  /** Runs it; resolves with the exit status. A GuestfsError that it throws is shown to the user. */
  run(args: readonly string[]): Promise<number>;
}
