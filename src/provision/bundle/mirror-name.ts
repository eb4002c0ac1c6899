export const officialRepository = 'registry.k8s.io';

/**
 * The name under which kubeadm and the runtime ask for an image when all images come from `imageRepository`; undefined
 * where that is the name it has already, or where the image isn't one of Kubernetes' own.
 */
export function mirrorName(reference: string, imageRepository: string): string | undefined {
  const prefix = `${officialRepository}/`;
  if (imageRepository === officialRepository || !reference.startsWith(prefix)) return undefined;
  // kubeadm leaves one of the two out, but only in repositories other than its own.
  const name = reference.slice(prefix.length).replace(/^coredns\/coredns(?=[:@])/, 'coredns');
  return `${imageRepository}/${name}`;
}
