/** Words in lines of at most that width; a word that is longer has a line of its own and is cut. */
export function wrap(text: string, width: number): readonly string[] {
  const limit = Math.max(10, width);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').filter(Boolean)) {
    const longer = line ? `${line} ${word}` : word;
    if (longer.length <= limit) {
      line = longer;
      continue;
    }
    if (line) lines.push(line);
    line = word.length <= limit ? word : `${word.slice(0, limit - 1)}…`;
  }
  return line ? [...lines, line] : lines;
}
