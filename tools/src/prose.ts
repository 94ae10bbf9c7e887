const WIDTH = 118;

/**
 * A doc comment from paragraphs and tag lines; a paragraph that starts with `@` follows the one before without an empty line
 * when that is a tag too.
 */
export function comment(indent: string, blocks: readonly string[]): string {
  const [only] = blocks;
  if (blocks.length === 1 && only !== undefined && indent.length + only.length + 7 <= WIDTH) {
    return `${indent}/** ${safe(only)} */\n`;
  }
  const lines: string[] = [];
  blocks.forEach((block, i) => {
    const tag = block.startsWith('@');
    if (i > 0 && !(tag && blocks[i - 1]?.startsWith('@'))) lines.push('');
    lines.push(...wrap(safe(block), WIDTH - indent.length - 3, tag ? '  ' : ''));
  });
  return `${indent}/**\n${lines.map((line) => `${indent} *${line === '' ? '' : ` ${line}`}\n`).join('')}${indent} */\n`;
}

/** Breaks a text into lines, with all but the first one indented. */
function wrap(text: string, width: number, hanging: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.trim() !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = hanging + word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}

function safe(text: string): string {
  return text.replaceAll('*/', '*\\/');
}

/** Turns the names in backticks from upstream's spelling into the one of the methods. */
export function convertNames(text: string, rename: (name: string) => string | undefined): string {
  return text.replace(/`([a-z][a-zA-Z0-9_]*)`/g, (whole, name: string) => {
    const renamed = rename(name);
    return renamed === undefined ? whole : `\`${renamed}\``;
  });
}
