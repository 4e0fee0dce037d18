/**
 * What a person at the terminal sees: numbered steps with progress bars, on standard error, so that standard output
 * holds only what was asked for. Without a terminal each step is one line when it starts and one when it ends.
 */
export interface Account {
  step(title: string): Step;
  line(text?: string): void;
  table(rows: readonly (readonly string[])[]): void;
}

export interface Step {
  /** `done` of `total`, or just a note. */
  progress(done: number, total?: number, note?: string): void;
  done(summary: string): void;
}

export interface CreateAccountOptions {
  stream: NodeJS.WriteStream;
  /** Milliseconds, for durations; monotonic. */
  elapsed(): number;
  quiet?: boolean;
}

const barWidth = 28;

/** Columns that a text takes in a terminal: Chinese characters take two. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += /[ᄀ-ᅟ⺀-꓏가-힣豈-﫿︰-﹏＀-｠￠-￦]/u.test(character) ? 2 : 1;
  return width;
}

export const padDisplay = (text: string, width: number) => text + " ".repeat(Math.max(0, width - displayWidth(text)));

export function createAccount(options: CreateAccountOptions): Account {
  const { stream } = options;
  const write = (text: string) => {
    if (!options.quiet) stream.write(text);
  };
  let number = 0;

  return {
    line: (text = "") => write(`${text}\n`),
    table(rows) {
      const widths = rows.reduce<number[]>((all, row) => row.map((cell, column) => Math.max(all[column] ?? 0, displayWidth(cell))), []);
      for (const row of rows) write(`   ${row.map((cell, column) => padDisplay(cell, widths[column]!)).join("  ").trimEnd()}\n`);
    },
    step(title) {
      number += 1;
      const label = `${String(number).padStart(2)}. ${title}`;
      const started = options.elapsed();
      let lastDrawn = -Infinity;
      if (!stream.isTTY) write(`${label} …\n`);
      return {
        progress(done, total, note = "") {
          if (!stream.isTTY) return;
          const at = options.elapsed();
          if (at - lastDrawn < 80 && done !== total) return;
          lastDrawn = at;
          const share = total ? Math.min(1, done / total) : 0;
          const bar = total ? `${"█".repeat(Math.round(share * barWidth)).padEnd(barWidth, "░")} ${Math.round(share * 100)}%` : "";
          write(`\r\u001b[2K${label}  ${bar} ${total ? `${done.toLocaleString("en")}/${total.toLocaleString("en")}` : done.toLocaleString("en")} ${note}`);
        },
        done(summary) {
          const seconds = ((options.elapsed() - started) / 1_000).toFixed(1);
          write(stream.isTTY ? `\r\u001b[2K${label}  ✓ ${summary} (${seconds} s)\n` : `    ✓ ${summary} (${seconds} s)\n`);
        },
      };
    },
  };
}
