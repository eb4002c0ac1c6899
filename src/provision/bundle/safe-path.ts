/**
 * A path of an archive or a list as it is used: relative, without `.` parts. undefined where it leads out of its
 * directory, or could be taken for something else than it is.
 */
export function safePath(path: string): string | undefined {
  // Control characters would be shown to a person as something else; a backslash is a separator to some.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (path === '' || path.startsWith('/') || /[\u0000-\u001f\u007f\\]/.test(path)) return undefined;
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return undefined;
  return parts.join('/');
}
