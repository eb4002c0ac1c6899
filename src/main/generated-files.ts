import { stringify } from 'yaml';
import { editorSchema, editorSchemaName } from '../api/crd/editor-schema.ts';
import { referenceIndex, referencePage, referencePageName } from '../api/crd/reference-page.ts';
import { crdName, toCrd } from '../api/crd/to-crd.ts';
import { servedKinds } from '../api/served-kinds.ts';

const crdHeading =
  '# Generated from src/api by "npm run generate": change the schema there, not this file.\n';

/** Lets deploy/ take the CRDs along: kustomize reads other directories only through a file like this. */
const crdKustomization = {
  apiVersion: 'kustomize.config.k8s.io/v1beta1',
  kind: 'Kustomization',
  resources: servedKinds.map((served) => `${crdName(served)}.yaml`),
};

/** Every generated file of the repository: path from its root → content. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ...servedKinds.flatMap((served): [string, string][] => [
      [`crds/${crdName(served)}.yaml`, crdHeading + stringify(toCrd(served), { lineWidth: 110 })],
    ]),
    ...servedKinds.flatMap((served): [string, string][] => [
      [`docs/api/${referencePageName(served)}`, referencePage(served)],
      [`docs/api/schemas/${editorSchemaName(served)}`, `${JSON.stringify(editorSchema(served), null, 2)}\n`],
    ]),
    ['docs/api/README.md', referenceIndex(servedKinds)],
    // Without an ending, so that "kubectl apply -f crds/" and "hansa install" don't take it for a CRD.
    ['crds/Kustomization', crdHeading + stringify(crdKustomization)],
  ]);
}
