/** A migration as SQL, both ways. */
export interface MigrationText {
  readonly className: string;
  readonly up: readonly string[];
  readonly down: readonly string[];
}

/** Source of the class that a migration file exports. Pure. */
export function migrationSource({ className, up, down }: MigrationText): string {
  const back = down.length > 0 ? `\n\n  override down(): void {\n${down.map(addSql).join('\n')}\n  }` : '';
  return `import { Migration } from '@mikro-orm/migrations';

export class ${className} extends Migration {
  override up(): void {
${up.map(addSql).join('\n')}
  }${back}
}
`;
}

const widthMax = 120;

function addSql(statement: string): string {
  const quotable = !/['\\\n]/.test(statement);
  const text = quotable ? `'${statement}'` : `\`${statement.replace(/[`\\]|\$\{/g, String.raw`\$&`)}\``;
  const line = `    this.addSql(${text});`;
  if (statement.includes('\n')) return breaksInsideQuotes(statement) ? line : line.replaceAll('\n', '\n    ');
  return line.length > widthMax ? `    this.addSql(\n      ${text},\n    );` : line;
}

/** Whether a line break belongs to a text or a function's body: then indenting the line would change it. */
function breaksInsideQuotes(statement: string): boolean {
  const quoted = statement.match(/'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$/g) ?? [];
  return quoted.some((text) => text.includes('\n'));
}

/** `add-sku` → `AddSkuMigration`; with a number behind it where that class exists already. Pure. */
export function migrationClassName(name: string, taken: ReadonlySet<string>): string {
  const words = name.split('-').map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`);
  const className = `${words.join('')}Migration`;
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? className : `${className}${number}`;
    if (!taken.has(candidate)) return candidate;
  }
}
