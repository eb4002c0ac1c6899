import type { FederatedKindName } from '../federated-kinds.ts';

/** For the reference page of a kind: a template as it stands below `spec:`, and one thing that differs somewhere. */
interface Example {
  readonly template: string;
  readonly path: readonly string[];
  /** As YAML. */
  readonly value: string;
}

export const federatedExamples: Readonly<Record<FederatedKindName, Example>> = {
  FederatedNamespace: {
    template: '',
    path: ['metadata', 'labels'],
    value: '{ tier: second }',
  },
  FederatedConfigMap: {
    template: `  template:
    data:
      greeting: hello
`,
    path: ['data', 'greeting'],
    value: 'howdy',
  },
  FederatedSecret: {
    template: `  template:
    type: Opaque
    data:
      password: Y2hhbmdlIG1l
`,
    path: ['data', 'password'],
    value: 'YW5vdGhlciBvbmU=',
  },
  FederatedService: {
    template: `  template:
    spec:
      selector:
        app: web
      ports:
        - port: 80
`,
    path: ['spec', 'type'],
    value: 'LoadBalancer',
  },
  FederatedDeployment: {
    template: `  template:
    metadata:
      labels:
        app: web
    spec:
      replicas: 3
      selector:
        matchLabels:
          app: web
      template:
        metadata:
          labels:
            app: web
        spec:
          containers:
            - name: web
              image: nginx
`,
    path: ['spec', 'replicas'],
    value: '5',
  },
};
