{{/* --- names --------------------------------------------------------------------------------------------------- */}}

{{/* Every object here is called RELEASE-migrate...: what a hook's delete policy takes is never the application's. */}}
{{- define "migrate.fullname" -}}
{{- $base := .Values.fullnameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- printf "%s-migrate" (trimSuffix "-migrate" $base) -}}
{{- end -}}

{{- define "migrate.serviceAccountName" -}}
{{- $name := .Values.serviceAccount.name -}}
{{- if not .Values.serviceAccount.create -}}
{{- $name | default "default" -}}
{{- else if and $name (not (hasSuffix "-migrate" $name)) -}}
{{- fail (printf "serviceAccount.name: %s would be created and deleted by the hook at each release. Let it end in -migrate, or set serviceAccount.create to false to use one that exists before the release." $name) -}}
{{- else -}}
{{- $name | default (include "migrate.fullname" .) -}}
{{- end -}}
{{- end -}}

{{/* The operator needs a moment to fill a new Secret, and would leave the last release's standing under its name until then: a
     pod that names one which is not there yet waits for it. Argo CD waits for the ExternalSecret itself, and has no revisions. */}}
{{- define "migrate.secretName" -}}
{{- if not .Values.externalSecrets.enabled -}}
{{- .Values.database.existingSecret -}}
{{- else if eq .Values.hook "argocd" -}}
{{- include "migrate.fullname" . -}}
{{- else -}}
{{- printf "%s-%d" (include "migrate.fullname" .) (int .Release.Revision) -}}
{{- end -}}
{{- end -}}

{{- define "migrate.jobName" -}}
{{- if eq .Values.hook "none" -}}
{{- printf "%s-%s" (include "migrate.fullname" .) (.Values.job.nameSuffix | default (printf "%d" (int .Release.Revision))) | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- include "migrate.fullname" . -}}
{{- end -}}
{{- end -}}

{{- define "migrate.configMapName" -}}
{{- .Values.migrations.configMap | default (include "migrate.fullname" .) -}}
{{- end -}}

{{- define "migrate.image" -}}
{{- $repository := required "image.repository: name the image that holds migrate and your migrations." .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* --- labels and annotations ---------------------------------------------------------------------------------- */}}

{{- define "migrate.selectorLabels" -}}
app.kubernetes.io/name: {{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: migrate
{{- end -}}

{{- define "migrate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "migrate.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Naming any delete policy replaces Helm's default, so before-hook-creation is always among them: without it the next release
     meets the failed Job's name. hook-failed never is: it would take the log of what failed. */}}
{{- define "migrate.deletePolicy" -}}
before-hook-creation{{ if .Values.job.deleteSucceeded }},hook-succeeded{{ end }}
{{- end -}}

{{/* Of what the Job needs. Takes (list CONTEXT HOW-MUCH-BEFORE-THE-JOB). Behind the installation, and without hooks, the objects
     are there as parts of the release. */}}
{{- define "migrate.needAnnotations" -}}
{{- $context := index . 0 -}}
{{- $values := $context.Values -}}
{{- if eq $values.hook "helm" -}}
helm.sh/hook: pre-install,pre-upgrade{{ if $values.preRollback.enabled }},pre-rollback{{ end }}
helm.sh/hook-weight: {{ sub (int $values.job.hookWeight) (index . 1) | quote }}
helm.sh/hook-delete-policy: {{ include "migrate.deletePolicy" $context }}
{{- else if eq $values.hook "argocd" -}}
argocd.argoproj.io/sync-wave: {{ sub (int $values.job.syncWave) 1 | quote }}
{{- end -}}
{{- end -}}

{{/* Of the Job. Takes (list CONTEXT HELM'S-HOOKS). */}}
{{- define "migrate.jobAnnotations" -}}
{{- $context := index . 0 -}}
{{- $values := $context.Values -}}
{{- if or (eq $values.hook "helm") (eq $values.hook "post-install") -}}
helm.sh/hook: {{ index . 1 }}
helm.sh/hook-weight: {{ $values.job.hookWeight | int | quote }}
helm.sh/hook-delete-policy: {{ include "migrate.deletePolicy" $context }}
{{- else if eq $values.hook "argocd" -}}
argocd.argoproj.io/hook: Sync
argocd.argoproj.io/sync-wave: {{ $values.job.syncWave | int | quote }}
argocd.argoproj.io/hook-delete-policy: BeforeHookCreation{{ if $values.job.deleteSucceeded }},HookSucceeded{{ end }}
{{- end -}}
{{- end -}}

{{/* --- the database -------------------------------------------------------------------------------------------- */}}

{{- define "migrate.databaseKey" -}}
{{- .Values.database.key | default (eq .Values.database.from "file" | ternary "secret.json" "url") -}}
{{- end -}}

{{/* Fails unless something says which database. Names are those of the manual's ENVIRONMENT. */}}
{{- define "migrate.requireDatabase" -}}
{{- $named := or .Values.externalSecrets.enabled .Values.database.existingSecret .Values.envFrom -}}
{{- range .Values.env -}}
{{- if has .name (list "MIGRATE_DATABASE_URL" "DATABASE_URL" "SQLALCHEMY_DATABASE_URI" "DB_URL" "DATABASE_SECRET_FILE" "DATABASE_HOST" "PGSERVICE" "PGHOST" "PGHOSTADDR" "PGDATABASE") -}}
{{- $named = true -}}
{{- end -}}
{{- end -}}
{{- if not $named -}}
{{- fail "no database is named: set database.existingSecret to a Secret that exists before the release, or externalSecrets.enabled, or name one in env or envFrom." -}}
{{- end -}}
{{- if and .Values.externalSecrets.enabled .Values.database.existingSecret -}}
{{- fail "two databases are named: externalSecrets.enabled and database.existingSecret. Unset one." -}}
{{- end -}}
{{- end -}}

{{/* Env of a container that connects. Takes (dict "context" CONTEXT "secret" NAME). */}}
{{- define "migrate.env" -}}
{{- $values := .context.Values -}}
{{- if and .secret (eq $values.database.from "env") }}
- name: {{ $values.database.variable }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret | quote }}
      key: {{ include "migrate.databaseKey" .context }}
{{- else if and .secret (eq $values.database.from "file") }}
- name: DATABASE_SECRET_FILE
  value: /etc/migrate/database/{{ include "migrate.databaseKey" .context }}
{{- end }}
{{- with $values.tls.mode }}
- name: DB_SSL_MODE
  value: {{ . | quote }}
{{- end }}
{{- if $values.tls.configMap }}
- name: DB_SSL_ROOT_CERT
  value: /etc/migrate/tls/{{ $values.tls.key }}
{{- else if $values.tls.rootCert }}
- name: DB_SSL_ROOT_CERT
  value: {{ $values.tls.rootCert | quote }}
{{- end }}
{{- with $values.externalSecrets.region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- with $values.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "migrate.envFrom" -}}
{{- $values := .context.Values -}}
{{- if and .secret (eq $values.database.from "envFrom") }}
- secretRef:
    name: {{ .secret | quote }}
{{- end }}
{{- with $values.envFrom }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "migrate.volumes" -}}
{{- $values := .context.Values -}}
{{- if and .secret (eq $values.database.from "file") }}
- name: migrate-database
  secret:
    secretName: {{ .secret | quote }}
    defaultMode: 0440
{{- end }}
{{- if $values.tls.configMap }}
- name: migrate-tls
  configMap:
    name: {{ $values.tls.configMap | quote }}
{{- end }}
{{- if eq $values.migrations.source "configMap" }}
- name: migrate-files
  configMap:
    name: {{ include "migrate.configMapName" .context | quote }}
{{- end }}
{{- end -}}

{{/* Whole folders, without subPath: a file that is mounted by itself would never change when its Secret does. */}}
{{- define "migrate.volumeMounts" -}}
{{- $values := .context.Values -}}
{{- if and .secret (eq $values.database.from "file") }}
- name: migrate-database
  mountPath: /etc/migrate/database
  readOnly: true
{{- end }}
{{- if $values.tls.configMap }}
- name: migrate-tls
  mountPath: /etc/migrate/tls
  readOnly: true
{{- end }}
{{- if eq $values.migrations.source "configMap" }}
- name: migrate-files
  mountPath: /migrations
  readOnly: true
{{- end }}
{{- end -}}

{{/* --- containers and Jobs ------------------------------------------------------------------------------------- */}}

{{/* Which folder, and how it logs: what every command is given. */}}
{{- define "migrate.commonArgs" -}}
{{- if eq .Values.migrations.source "configMap" }}
- --directory=/migrations
{{- else if .Values.migrations.directory }}
- {{ printf "--directory=%s" .Values.migrations.directory | toJson }}
{{- end }}
{{- if ne .Values.logFormat "text" }}
- --log-format={{ .Values.logFormat }}
{{- end }}
{{- end -}}

{{/* A container without its arguments. Takes (dict "context" CONTEXT "secret" NAME "name" NAME "args" YAML "extraVolumeMounts" LIST). */}}
{{- define "migrate.container" -}}
{{- $values := .context.Values -}}
name: {{ .name }}
image: {{ include "migrate.image" .context | quote }}
imagePullPolicy: {{ $values.image.pullPolicy }}
command: {{ toJson $values.command }}
args:
  {{- .args | trim | nindent 2 }}
{{- with include "migrate.env" . | trim }}
env:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "migrate.envFrom" . | trim }}
envFrom:
  {{- . | nindent 2 }}
{{- end }}
{{- $mounts := include "migrate.volumeMounts" . | trim -}}
{{- if or $mounts .extraVolumeMounts }}
volumeMounts:
  {{- with $mounts }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- with $values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml $values.securityContext | nindent 2 }}
terminationMessagePolicy: FallbackToLogsOnError
{{- end -}}

{{/* Seconds after which the Job gives up, so long before Helm does that Helm hears of it. */}}
{{- define "migrate.activeDeadlineSeconds" -}}
{{- $grace := int .Values.job.terminationGracePeriodSeconds -}}
{{- $most := sub (int .Values.helmTimeoutSeconds) (add $grace 30) -}}
{{- $deadline := kindIs "invalid" .Values.job.activeDeadlineSeconds | ternary $most (int64 .Values.job.activeDeadlineSeconds) -}}
{{- if and (has .Values.hook (list "helm" "post-install")) (gt $deadline $most) -}}
{{- fail (printf "job.activeDeadlineSeconds: %d s and %d s of grace are not over 30 s before Helm gives up after %d s. Raise helmTimeoutSeconds, and give helm --timeout %ds." $deadline $grace (int .Values.helmTimeoutSeconds) (int .Values.helmTimeoutSeconds)) -}}
{{- end -}}
{{- if lt $deadline 1 -}}
{{- fail (printf "helmTimeoutSeconds: %d s leave no time to migrate beside %d s of grace." (int .Values.helmTimeoutSeconds) $grace) -}}
{{- end -}}
{{- $deadline -}}
{{- end -}}

{{/* A Job. Takes (dict "context" CONTEXT "name" NAME "hooks" HELM'S-HOOKS "args" YAML). */}}
{{- define "migrate.job" -}}
{{- $context := .context -}}
{{- $values := .context.Values -}}
{{- $secret := include "migrate.secretName" .context -}}
{{- $parts := dict "context" .context "secret" $secret "name" "migrate" "args" .args "extraVolumeMounts" $values.extraVolumeMounts -}}
{{- $annotations := merge (include "migrate.jobAnnotations" (list .context .hooks) | fromYaml) $values.job.annotations -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .name }}
  namespace: {{ .context.Release.Namespace | quote }}
  labels:
    {{- include "migrate.labels" .context | nindent 4 }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  backoffLimit: {{ int $values.job.backoffLimit }}
  activeDeadlineSeconds: {{ include "migrate.activeDeadlineSeconds" .context }}
  ttlSecondsAfterFinished: {{ int $values.job.ttlSecondsAfterFinished }}
  podFailurePolicy:
    rules:
      # A node that goes away is nobody's fault: the run is begun again, and not counted.
      - action: Ignore
        onPodConditions:
          - type: DisruptionTarget
            status: "True"
      # Statuses that another try would only repeat; 10 to 13, 130 and 143 are tried again.
      - action: FailJob
        onExitCodes:
          containerName: migrate
          operator: In
          values: [1, 2, 3, 4, 5, 6, 7, 70]
  template:
    metadata:
      labels:
        {{- include "migrate.labels" .context | nindent 8 }}
        {{- if $values.serviceMesh.optOut }}
        sidecar.istio.io/inject: "false"
        {{- end }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- $podAnnotations := dict }}
      {{- if $values.serviceMesh.optOut }}
      {{- $podAnnotations = dict "sidecar.istio.io/inject" "false" "linkerd.io/inject" "disabled" }}
      {{- end }}
      {{- with merge (deepCopy $values.podAnnotations) $podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      restartPolicy: Never
      serviceAccountName: {{ include "migrate.serviceAccountName" .context | quote }}
      automountServiceAccountToken: {{ $values.automountServiceAccountToken }}
      terminationGracePeriodSeconds: {{ int $values.job.terminationGracePeriodSeconds }}
      {{- with $values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- toYaml $values.podSecurityContext | nindent 8 }}
      {{- with $values.initContainers }}
      initContainers:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - {{ include "migrate.container" $parts | nindent 10 | trim }}
      {{- $volumes := include "migrate.volumes" $parts | trim -}}
      {{- if or $volumes $values.extraVolumes }}
      volumes:
        {{- with $volumes }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with $values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . | quote }}
      {{- end }}
{{- end -}}

{{/* --- for the application's Deployment ------------------------------------------------------------------------ */}}

{{/* An initContainer that lets the application start once the database is at the heads of this image:
         initContainers:
           {{- include "migrate.initContainer" .Subcharts.migrate | nindent 8 }}
     and, where a Secret or ConfigMap is mounted,
         volumes:
           {{- include "migrate.initContainer.volumes" .Subcharts.migrate | nindent 8 }} */}}
{{- define "migrate.initContainer" -}}
{{- $args := printf "- current\n- --check-heads\n- --wait=%s\n%s" .Values.initContainer.wait (include "migrate.commonArgs" . | trim) -}}
- {{ include "migrate.container" (dict "context" . "secret" (include "migrate.initContainer.secret" .) "name" "migrate-check" "args" $args) | nindent 2 | trim }}
{{- end -}}

{{- define "migrate.initContainer.volumes" -}}
{{- include "migrate.volumes" (dict "context" . "secret" (include "migrate.initContainer.secret" .)) | trim -}}
{{- end -}}

{{- define "migrate.initContainer.secret" -}}
{{- if and .Values.externalSecrets.enabled (not .Values.initContainer.existingSecret) -}}
{{- fail "initContainer.existingSecret: name the application's own Secret. The one that externalSecrets makes is replaced at each release, and pods of an earlier one could not start again." -}}
{{- end -}}
{{- .Values.initContainer.existingSecret | default .Values.database.existingSecret -}}
{{- end -}}
