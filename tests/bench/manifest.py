"""The manifests of a fleet: three objects each, and a few lines that differ from release to release."""

from kuberpult_core.names import ApplicationName, Version
from tests.bench.landscape import digest

_MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {app}
  labels: {{app.kubernetes.io/name: {app}, app.kubernetes.io/version: "{version}"}}
  annotations:
    config.example.com/hash: {config}
    build.example.com/commit: {commit}
spec:
  replicas: {replicas}
  progressDeadlineSeconds: 300
  strategy: {{type: RollingUpdate, rollingUpdate: {{maxSurge: 1, maxUnavailable: 0}}}}
  selector:
    matchLabels: {{app.kubernetes.io/name: {app}}}
  template:
    metadata:
      labels: {{app.kubernetes.io/name: {app}, app.kubernetes.io/version: "{version}"}}
    spec:
      serviceAccountName: {app}
      terminationGracePeriodSeconds: 45
      securityContext: {{runAsNonRoot: true, seccompProfile: {{type: RuntimeDefault}}}}
      containers:
        - name: {app}
          image: registry.example.com/shop/{app}:{version}.0.0@sha256:{image}
          ports:
            - {{name: http, containerPort: 8080}}
            - {{name: metrics, containerPort: 9102}}
          resources:
            requests: {{cpu: 50m, memory: 128Mi}}
            limits: {{memory: 256Mi}}
          startupProbe: {{httpGet: {{path: /health, port: http}}, failureThreshold: 30, periodSeconds: 2}}
          readinessProbe: {{httpGet: {{path: /ready, port: http}}, periodSeconds: 5}}
          env:
            - {{name: SERVICE, value: {app}}}
            - {{name: RELEASE, value: "{version}"}}
            - {{name: TRACING_URL, value: "http://collector.tracing:4318"}}
            - {{name: LOG_FORMAT, value: json}}
            - name: DATABASE_PASSWORD
              valueFrom: {{secretKeyRef: {{name: {app}-database, key: password}}}}
---
apiVersion: v1
kind: Service
metadata:
  name: {app}
  labels: {{app.kubernetes.io/name: {app}}}
spec:
  selector: {{app.kubernetes.io/name: {app}}}
  ports:
    - {{name: http, port: 80, targetPort: http}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: {app}}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {app}}}
  minReplicas: {replicas}
  maxReplicas: 12
  metrics:
    - type: Resource
      resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 70}}}}
"""


def manifest_of(name: ApplicationName, version: Version) -> bytes:
    """The manifest of a release, the same for each environment."""
    commit, config = digest("commit", name, version), digest("config", name, version // 3)
    image = digest("image", commit) + digest("more", commit)[:24]
    return _MANIFEST.format(
        app=name, version=version, commit=commit, config=config, image=image, replicas=1 + int(config[:2], 16) % 4
    ).encode()
