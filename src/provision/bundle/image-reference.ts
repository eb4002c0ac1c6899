/** Docker Hub answers under another name than it is known by. */
const dockerHub = 'docker.io';

/** The name as containerd has it: with its registry, and `library/` where Docker Hub means it. */
export function fullReference(reference: string): string {
  const slash = reference.indexOf('/');
  const first = slash < 0 ? '' : reference.slice(0, slash);
  // The rule of Docker: without a dot or a port, the first part is no host.
  if (first === 'localhost' || first.includes('.') || first.includes(':')) return reference;
  return `${dockerHub}/${slash < 0 ? 'library/' : ''}${reference}`;
}
