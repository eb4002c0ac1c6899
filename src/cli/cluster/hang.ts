/** Text behind a mark, its further lines below its first. Words are never cut: commands and fingerprints are copied. */
export function hang(mark: string, text: string, width: number | undefined): string {
  const indent = ' '.repeat(mark.length);
  const lines = text.split('\n').flatMap((line) => wrapWords(line, width && width - mark.length));
  return lines.map((line, index) => `${index === 0 ? mark : indent}${line}`.trimEnd()).join('\n');
}

/** Below this there is nothing to gain by wrapping. */
const narrowest = 20;

function wrapWords(text: string, width: number | undefined): readonly string[] {
  if (width === undefined || text.length <= width) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length > Math.max(narrowest, width) && line !== '') {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
