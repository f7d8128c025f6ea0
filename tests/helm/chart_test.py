"""The Helm chart, as Helm renders it: each promise that templates/helm/migrate makes is a sentence here.

What needs Helm is skipped without one: MIGRATE_HELM, in PATH, or ~/go/bin (`./dev setup test` puts one there where Go is)."""

import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import BINARY, ROOT, Case, Sqlite, main

try:
    import yaml
except ImportError:
    yaml = None

CHART = os.path.join(ROOT, "templates", "helm", "migrate")
KUBERNETES = os.path.join(ROOT, "templates", "kubernetes")
HELM = (os.environ.get("MIGRATE_HELM") or shutil.which("helm")
        or shutil.which("helm", path=os.path.expanduser("~/go/bin")))

IMAGE = {"repository": "registry.example/kitchen", "tag": "1.4.0"}
MINIMAL = {"image": IMAGE, "database": {"existingSecret": "kitchen-database"}}
ROLE = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/mosaic-prod-core-api-secrets-role"}
# As the values of an application on EKS with External Secrets have them.
MOSAIC = {"image": IMAGE,
          "serviceAccount": {"create": True, "annotations": ROLE},
          "externalSecrets": {"enabled": True, "secretStore": "aws-secrets-manager",
                              "databaseSecretName": "mosaic/prod/rds/connection", "region": "us-east-1"},
          "migrations": {"enabled": True}}
EVERYTHING = {"image": IMAGE,
              "migrations": {"source": "configMap", "files": {"a.sql": "-- migrate:upgrade\nSELECT 1;\n"}},
              "database": {"from": "file"},
              "externalSecrets": {"enabled": True, "databaseSecretName": "mosaic/prod/rds/connection",
                                  "region": "us-east-1"},
              "tls": {"mode": "verify-full", "configMap": "rds-roots"},
              "serviceAccount": {"annotations": ROLE},
              "preRollback": {"enabled": True},
              "env": [{"name": "DB_ROLE", "value": "owner"}],
              "envFrom": [{"configMapRef": {"name": "settings"}}],
              "extraVolumes": [{"name": "extra", "emptyDir": {}}],
              "extraVolumeMounts": [{"name": "extra", "mountPath": "/extra"}],
              "job": {"annotations": {"team": "data"}},
              "podLabels": {"team": "data"}, "imagePullSecrets": [{"name": "registry"}],
              "nodeSelector": {"kubernetes.io/arch": "amd64"}, "priorityClassName": "high",
              "tolerations": [{"key": "batch", "operator": "Exists"}],
              "affinity": {"nodeAffinity": {}}, "logFormat": "json", "extraArgs": ["--transaction=run"]}


def merged(*layers):
    """Values as Helm merges them: maps by key, anything else replaced."""
    result = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else value
    return result


def statuses():
    """Every exit status, from the one table of them."""
    with open(os.path.join(ROOT, "migrate", "command", "codes.c"), encoding="utf-8") as file:
        return {int(status) for status in re.findall(r'\] = \{"\w+",\s*(\d+),', file.read())}


def final_statuses():
    """Those that another try would only repeat."""
    return sorted(status for status in statuses() if 0 < status < 10 or status == 70)


def without_comments(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


@unittest.skipUnless(HELM, "there is no helm: not MIGRATE_HELM, not in PATH, not in ~/go/bin")
@unittest.skipUnless(yaml, "Python's yaml is not installed (python3-yaml)")
class Chart(unittest.TestCase):
    """What Helm makes of the chart. render() answers the documents, refuse() the message."""

    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="migrate-chart-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.chart = CHART

    def helm(self, *arguments, values=None, status=0):
        command = [HELM, *arguments]
        if values is not None:
            path = os.path.join(self.folder, "values.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(values, file)
            command += ["--values", path]
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": self.folder}
        ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False,
                             env=environment, text=True)
        if ran.returncode != status:
            self.fail("%s: expected status %d, got %d\n%s%s" % (" ".join(command), status, ran.returncode, ran.stdout,
                                                                ran.stderr))
        return ran

    def render(self, *layers, release="app", namespace="prod", options=()):
        values = merged(*layers)
        ran = self.helm("template", release, self.chart, "--namespace", namespace, "--kube-version", "1.31.0", *options,
                        values=values)
        return [document for document in yaml.safe_load_all(ran.stdout) if document]

    def refuse(self, *layers, says):
        ran = self.helm("template", "app", self.chart, "--kube-version", "1.31.0", values=merged(*layers), status=1)
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, ran.stderr)

    def jobs(self, documents):
        return [document for document in documents if document["kind"] == "Job"]

    def job(self, *layers, **options):
        return self.jobs(self.render(*layers, **options))[0]

    def container(self, *layers, **options):
        return self.job(*layers, **options)["spec"]["template"]["spec"]["containers"][0]


def accepted(test, args):
    """Fails unless the tool can read this command line; nothing is run."""
    ran = subprocess.run([BINARY, *args, "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         timeout=60, check=False)
    test.assertEqual(ran.returncode, 0, ran.stdout)


def annotations(document):
    return document["metadata"].get("annotations") or {}


def hooks(document):
    return set(filter(None, annotations(document).get("helm.sh/hook", "").split(",")))


def name(document):
    return document["metadata"]["name"]


class Command(Chart):
    def test_the_job_runs_upgrade_head_and_waits_for_server_and_lock(self):
        container = self.container(MINIMAL)
        self.assertEqual(container["command"] + container["args"],
                         ["migrate", "upgrade", "head", "--wait=60s", "--lock-wait=60s"])
        self.assertEqual(container["image"], "registry.example/kitchen:1.4.0")

    def test_the_arguments_are_ones_that_the_tool_takes(self):
        for job in [self.job(MINIMAL), *self.jobs(self.render(EVERYTHING))]:
            args = job["spec"]["template"]["spec"]["containers"][0]["args"]
            accepted(self, args)
            self.assertRaises(AssertionError, accepted, self, [*args, "--unheard-of"])

    def test_a_digest_goes_before_the_tag_and_no_tag_means_the_charts_version(self):
        digest = "sha256:" + "0123456789abcdef" * 4
        self.assertEqual(self.container(MINIMAL, {"image": {"digest": digest}})["image"],
                         "registry.example/kitchen@" + digest)
        version = without_comments(os.path.join(CHART, "Chart.yaml"))["appVersion"]
        self.assertEqual(self.container(MINIMAL, {"image": {"tag": ""}})["image"], "registry.example/kitchen:" + version)

    def test_migrations_in_a_config_map_are_mounted_and_named(self):
        files = {"a.sql": "-- Revision ID: a\n", "b.sql": "SELECT ':';\n"}
        documents = self.render(MINIMAL, {"migrations": {"source": "configMap", "files": files}})
        (made,) = [document for document in documents if document["kind"] == "ConfigMap"]
        self.assertEqual(made["data"], files)
        spec = self.jobs(documents)[0]["spec"]["template"]["spec"]
        self.assertIn("--directory=/migrations", spec["containers"][0]["args"])
        self.assertEqual(spec["volumes"], [{"name": "migrate-files", "configMap": {"name": name(made)}}])
        self.assertEqual(spec["containers"][0]["volumeMounts"],
                         [{"name": "migrate-files", "mountPath": "/migrations", "readOnly": True}])

    def test_a_copy_of_the_chart_takes_the_files_beside_it(self):
        self.chart = os.path.join(self.folder, "migrate")
        shutil.copytree(CHART, self.chart)
        os.mkdir(os.path.join(self.chart, "migrations"))
        with open(os.path.join(self.chart, "migrations", "a.sql"), "w", encoding="utf-8") as file:
            file.write("SELECT 1;\n")
        documents = self.render(MINIMAL, {"migrations": {"source": "configMap"}})
        self.assertEqual([document["data"] for document in documents if document["kind"] == "ConfigMap"],
                         [{"a.sql": "SELECT 1;\n"}])

    def test_a_config_map_that_would_be_empty_or_too_large_is_refused(self):
        self.refuse(MINIMAL, {"migrations": {"source": "configMap"}}, says="nothing to put into the ConfigMap")
        self.refuse(MINIMAL, {"migrations": {"source": "configMap", "files": {"a.sql": "x" * 1000001}}},
                    says="have 1000001 bytes and a ConfigMap holds 1 MiB")

    def test_disabled_renders_nothing(self):
        self.assertEqual(self.render(EVERYTHING, {"migrations": {"enabled": False}}), [])


class Failure(Chart):
    """When the Job gives up, when it tries again, what is left to look at."""

    def test_a_final_status_fails_the_job_and_a_disruption_is_not_counted(self):
        for job in self.jobs(self.render(EVERYTHING)):
            rules = job["spec"]["podFailurePolicy"]["rules"]
            self.assertEqual(rules[0], {"action": "Ignore",
                                        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]})
            container = job["spec"]["template"]["spec"]["containers"][0]["name"]
            self.assertEqual(rules[1:], [{"action": "FailJob", "onExitCodes": {
                "containerName": container, "operator": "In", "values": final_statuses()}}])
            # The API server takes a podFailurePolicy with no other restartPolicy.
            self.assertEqual(job["spec"]["template"]["spec"]["restartPolicy"], "Never")

    def test_the_job_ends_with_its_grace_before_helm_gives_up(self):
        for timeout in (300, 120, 10800):
            spec = self.job(MINIMAL, {"helmTimeoutSeconds": timeout})["spec"]
            ends = spec["activeDeadlineSeconds"] + spec["template"]["spec"]["terminationGracePeriodSeconds"]
            self.assertEqual(ends, timeout - 30)
        self.assertEqual(self.job(MINIMAL, {"job": {"activeDeadlineSeconds": 100}})["spec"]["activeDeadlineSeconds"], 100)

    def test_a_deadline_at_helms_timeout_is_refused(self):
        for hook in ("helm", "post-install"):
            self.refuse(MINIMAL, {"hook": hook, "job": {"activeDeadlineSeconds": 300}},
                        says="before Helm gives up after 300 s")
        self.refuse(MINIMAL, {"helmTimeoutSeconds": 80}, says="no time to migrate")
        job = self.job(MINIMAL, {"hook": "argocd", "job": {"activeDeadlineSeconds": 86400}})
        self.assertEqual(job["spec"]["activeDeadlineSeconds"], 86400)

    def test_the_readme_says_what_to_do_about_each_status(self):
        with open(os.path.join(CHART, "README.md"), encoding="utf-8") as file:
            explained = {int(status) for status in re.findall(r"^\| (\d+) \|", file.read(), re.MULTILINE)}
        # 1 answers questions, which the hook does not ask; 70 and 130 explain themselves.
        self.assertEqual(explained, statuses() - {0, 1, 70, 130})

    def test_the_end_of_the_log_is_in_the_pods_status(self):
        self.assertEqual(self.container(MINIMAL)["terminationMessagePolicy"], "FallbackToLogsOnError")

    def test_retries_and_removal_are_as_set(self):
        spec = self.job(MINIMAL, {"job": {"backoffLimit": 0, "ttlSecondsAfterFinished": 0}})["spec"]
        self.assertEqual((spec["backoffLimit"], spec["ttlSecondsAfterFinished"]), (0, 0))


class Hooks(Chart):
    """Order, names, and what a delete policy may take."""

    def test_what_the_job_needs_is_there_before_it_in_every_event_of_its_own(self):
        documents = self.render(EVERYTHING)
        self.assertEqual(sorted(document["kind"] for document in documents),
                         ["ConfigMap", "ExternalSecret", "Job", "Job", "SecretStore", "ServiceAccount"])
        for job in self.jobs(documents):
            for need in documents:
                if need["kind"] == "Job":
                    continue
                self.assertLessEqual(hooks(job), hooks(need), "%s is no hook of %s" % (need["kind"], hooks(job)))
                self.assertLess(int(annotations(need)["helm.sh/hook-weight"]),
                                int(annotations(job)["helm.sh/hook-weight"]), need["kind"])

    def test_needs_come_first_whatever_the_weight(self):
        for weight in (-100, 0, 7):
            documents = self.render(EVERYTHING, {"job": {"hookWeight": weight}})
            weights = {document["kind"]: int(annotations(document)["helm.sh/hook-weight"]) for document in documents}
            self.assertEqual(weights["Job"], weight)
            self.assertLess(weights["ServiceAccount"], weights["SecretStore"])
            self.assertLess(weights["SecretStore"], weights["ExternalSecret"])
            self.assertLess(weights["ExternalSecret"], weights["Job"])
            self.assertLess(weights["ConfigMap"], weights["Job"])

    def test_every_name_a_pod_refers_to_is_rendered_or_was_given(self):
        given = {"kitchen-database", "rds-roots", "settings", "registry"}
        for values in (MINIMAL, MOSAIC, EVERYTHING):
            for hook in ("helm", "argocd", "post-install", "none"):
                layer = {"hook": hook, "preRollback": {"enabled": False}}
                documents = self.render(values, layer)
                made = {("Secret", document["spec"]["target"]["name"]) for document in documents
                        if document["kind"] == "ExternalSecret"}
                made |= {(document["kind"], name(document)) for document in documents}
                for kind, reference in self.references(self.jobs(documents)[0]):
                    self.assertTrue((kind, reference) in made or reference in given,
                                    "%s %s is made by nobody, hook: %s" % (kind, reference, hook))

    def references(self, job):
        spec = job["spec"]["template"]["spec"]
        yield "ServiceAccount", spec["serviceAccountName"]
        for volume in spec.get("volumes", []):
            if "secret" in volume:
                yield "Secret", volume["secret"]["secretName"]
            if "configMap" in volume:
                yield "ConfigMap", volume["configMap"]["name"]
        for container in spec["containers"]:
            for variable in container.get("env", []):
                if "valueFrom" in variable:
                    yield "Secret", variable["valueFrom"]["secretKeyRef"]["name"]
            for source in container.get("envFrom", []):
                for kind, field in (("Secret", "secretRef"), ("ConfigMap", "configMapRef")):
                    if field in source:
                        yield kind, source[field]["name"]

    def test_each_volume_is_mounted_and_each_mount_has_its_volume(self):
        for job in self.jobs(self.render(EVERYTHING)):
            spec = job["spec"]["template"]["spec"]
            self.assertEqual(sorted(volume["name"] for volume in spec["volumes"]),
                             sorted(mount["name"] for mount in spec["containers"][0]["volumeMounts"]))

    def test_nothing_bears_a_name_of_the_applications(self):
        for values in ({}, {"fullnameOverride": "core-api"}, {"fullnameOverride": "core-api-migrate"},
                       {"nameOverride": "core-api"}):
            for release in ("app", "core-api", "migrate", "r" * 53):
                for document in self.render(EVERYTHING, values, release=release):
                    self.assertRegex(name(document), r"^[a-z0-9-]+-migrate(-rollback)?$")
                    self.assertLessEqual(len(name(document)), 63)
                    target = document.get("spec", {}).get("target", {}).get("name", "x-migrate-1")
                    self.assertRegex(target, r"-migrate-1$")

    def test_a_service_account_of_the_applications_name_is_not_made_by_a_hook(self):
        self.refuse(MINIMAL, {"serviceAccount": {"name": "core-api"}}, says="deleted by the hook at each release")
        documents = self.render(MINIMAL, {"serviceAccount": {"name": "core-api", "create": False}})
        self.assertEqual([document["kind"] for document in documents], ["Job"])
        self.assertEqual(documents[0]["spec"]["template"]["spec"]["serviceAccountName"], "core-api")
        documents = self.render(MINIMAL, {"serviceAccount": {"name": "kitchen-migrate"}})
        self.assertEqual({name(document) for document in documents}, {"kitchen-migrate", "app-migrate"})

    def test_the_delete_policy_always_makes_way_for_the_next_release_and_never_takes_a_failed_jobs_log(self):
        for asked, policy in ((False, "before-hook-creation"), (True, "before-hook-creation,hook-succeeded")):
            for document in self.render(EVERYTHING, {"job": {"deleteSucceeded": asked}}):
                self.assertEqual(annotations(document)["helm.sh/hook-delete-policy"], policy)

    def test_annotations_of_ones_own_are_added_and_replace_no_hook(self):
        job = self.job(MINIMAL, {"job": {"annotations": {"team": "data", "helm.sh/hook": "test"}}})
        self.assertEqual(annotations(job)["team"], "data")
        self.assertEqual(hooks(job), {"pre-install", "pre-upgrade"})

    def test_argocd_gets_its_own_hooks_behind_the_secret_and_none_of_helms(self):
        documents = self.render(EVERYTHING, {"hook": "argocd", "preRollback": {"enabled": False}})
        for document in documents:
            self.assertEqual([key for key in annotations(document) if key.startswith("helm.sh/")], [])
        (job,) = self.jobs(documents)
        self.assertEqual(annotations(job)["argocd.argoproj.io/hook"], "Sync")
        self.assertEqual(annotations(job)["argocd.argoproj.io/hook-delete-policy"], "BeforeHookCreation")
        wave = int(annotations(job)["argocd.argoproj.io/sync-wave"])
        self.assertLess(wave, 0)
        for document in documents:
            if document["kind"] != "Job":
                self.assertLess(int(annotations(document)["argocd.argoproj.io/sync-wave"]), wave)
                self.assertNotIn("argocd.argoproj.io/hook", annotations(document))

    def test_post_install_makes_a_hook_of_the_job_alone(self):
        documents = self.render(EVERYTHING, {"hook": "post-install", "preRollback": {"enabled": False}})
        self.assertEqual({document["kind"]: hooks(document) for document in documents if hooks(document)},
                         {"Job": {"post-install", "post-upgrade"}})

    def test_without_hooks_each_revision_has_a_job_of_its_own(self):
        # A Job cannot be changed once it is there, so the next one needs another name.
        plain = self.job(MINIMAL, {"hook": "none"})
        self.assertEqual((name(plain), annotations(plain)), ("app-migrate-1", {}))
        self.assertEqual(name(self.job(MINIMAL, {"hook": "none", "job": {"nameSuffix": "1-4-0"}})), "app-migrate-1-4-0")

    def test_pre_rollback_goes_to_the_head_of_the_image_rolled_back_to(self):
        documents = self.render(EVERYTHING)
        upgrade, rollback = sorted(self.jobs(documents), key=name)
        self.assertEqual((name(upgrade), name(rollback)), ("app-migrate", "app-migrate-rollback"))
        self.assertEqual(hooks(rollback), {"pre-rollback"})
        self.assertEqual(rollback["spec"]["template"]["spec"]["containers"][0]["args"][:4],
                         ["goto", "head", "--wait=60s", "--lock-wait=60s"])
        self.assertEqual(len(self.jobs(self.render(MINIMAL))), 1)
        for hook in ("argocd", "post-install", "none"):
            self.refuse(EVERYTHING, {"hook": hook}, says="preRollback.enabled: needs hook: helm")


class Database(Chart):
    """Where the address comes from."""

    def test_values_of_an_application_on_eks_with_external_secrets_work_as_they_are(self):
        documents = {document["kind"]: document for document in self.render(MOSAIC)}
        self.assertEqual(set(documents), {"ServiceAccount", "ExternalSecret", "Job"})
        self.assertEqual(annotations(documents["ServiceAccount"])["eks.amazonaws.com/role-arn"],
                         ROLE["eks.amazonaws.com/role-arn"])
        external = documents["ExternalSecret"]["spec"]
        self.assertEqual(external["secretStoreRef"], {"kind": "ClusterSecretStore", "name": "aws-secrets-manager"})
        self.assertEqual(external["target"], {"name": "app-migrate-1", "creationPolicy": "Owner"})
        self.assertEqual(external["data"], [{"secretKey": "url", "remoteRef": {
            "key": "mosaic/prod/rds/connection", "property": "url"}}])
        self.assertEqual(documents["Job"]["spec"]["template"]["spec"]["containers"][0]["env"], [
            {"name": "MIGRATE_DATABASE_URL",
             "valueFrom": {"secretKeyRef": {"name": "app-migrate-1", "key": "url"}}},
            {"name": "AWS_REGION", "value": "us-east-1"}])

    def test_a_whole_secret_is_mounted_as_the_file_it_is(self):
        documents = self.render(MOSAIC, {"database": {"from": "file"}})
        external = [document for document in documents if document["kind"] == "ExternalSecret"][0]
        self.assertEqual(external["spec"]["data"],
                         [{"secretKey": "secret.json", "remoteRef": {"key": "mosaic/prod/rds/connection"}}])
        spec = self.jobs(documents)[0]["spec"]["template"]["spec"]
        container = spec["containers"][0]
        self.assertIn({"name": "DATABASE_SECRET_FILE", "value": "/etc/migrate/database/secret.json"}, container["env"])
        # As a folder: a file mounted by itself would keep the password it had.
        self.assertEqual(container["volumeMounts"],
                         [{"name": "migrate-database", "mountPath": "/etc/migrate/database", "readOnly": True}])
        # The group of the pod can read it, and nobody else.
        self.assertEqual(spec["volumes"][0]["secret"], {"secretName": "app-migrate-1", "defaultMode": 0o440})
        self.assertEqual(spec["securityContext"]["fsGroup"], spec["securityContext"]["runAsGroup"])

    def test_a_secrets_keys_can_be_the_variables(self):
        container = self.container(MINIMAL, {"database": {"from": "envFrom"}})
        self.assertEqual((container.get("env"), container["envFrom"]),
                         (None, [{"secretRef": {"name": "kitchen-database"}}]))
        documents = self.render(MOSAIC, {"database": {"from": "envFrom"}})
        external = [document for document in documents if document["kind"] == "ExternalSecret"][0]
        self.assertEqual(external["spec"]["dataFrom"], [{"extract": {"key": "mosaic/prod/rds/connection"}}])

    def test_a_key_and_a_variable_of_another_name(self):
        (variable,) = self.container(MINIMAL, {"database": {"key": "DB_URL", "variable": "DB_URL"}})["env"]
        self.assertEqual(variable, {"name": "DB_URL", "valueFrom": {
            "secretKeyRef": {"name": "kitchen-database", "key": "DB_URL"}}})

    def test_a_store_is_made_with_the_role_of_the_jobs_service_account(self):
        documents = self.render(EVERYTHING)
        store = [document for document in documents if document["kind"] == "SecretStore"][0]
        self.assertEqual(store["spec"]["provider"]["aws"], {
            "service": "SecretsManager", "region": "us-east-1",
            "auth": {"jwt": {"serviceAccountRef": {"name": "app-migrate"}}}})
        external = [document for document in documents if document["kind"] == "ExternalSecret"][0]
        self.assertEqual(external["spec"]["secretStoreRef"], {"kind": "SecretStore", "name": name(store)})

    def test_an_operator_that_knows_only_v1beta1_gets_that(self):
        def version(*options):
            documents = self.render(MOSAIC, options=options)
            return [document["apiVersion"] for document in documents if document["kind"] == "ExternalSecret"]
        self.assertEqual(version(), ["external-secrets.io/v1"])
        self.assertEqual(version("--api-versions", "external-secrets.io/v1beta1"), ["external-secrets.io/v1beta1"])
        self.assertEqual(version("--api-versions", "external-secrets.io/v1beta1",
                                 "--api-versions", "external-secrets.io/v1"), ["external-secrets.io/v1"])

    def test_under_argocd_the_secrets_name_stays(self):
        # There is no revision to name it by, and the wave before waits for the ExternalSecret.
        env = self.container(MOSAIC, {"hook": "argocd"})["env"]
        self.assertEqual(env[0]["valueFrom"]["secretKeyRef"]["name"], "app-migrate")

    def test_no_database_two_databases_and_half_a_database_are_refused(self):
        self.refuse({"image": IMAGE}, says="no database is named")
        self.refuse({"image": IMAGE, "env": [{"name": "DB_ROLE", "value": "owner"}]}, says="no database is named")
        self.refuse(MOSAIC, {"database": {"existingSecret": "x"}}, says="two databases are named")
        self.refuse(MOSAIC, {"externalSecrets": {"databaseSecretName": ""}}, says="externalSecrets.databaseSecretName")
        self.refuse(MOSAIC, {"externalSecrets": {"secretStore": "", "region": ""}}, says="externalSecrets.region")
        self.refuse(MINIMAL, {"image": {"repository": ""}}, says="image.repository")

    def test_each_variable_in_which_the_tool_looks_names_a_database_here_too(self):
        ran = subprocess.run([BINARY, "current", "--no-env-file"], cwd=self.folder, env={"HOME": self.folder},
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        variables = re.findall(r"\b[A-Z][A-Z_]{4,}\b", ran.stderr.split("hint:")[0])
        self.assertGreater(len(variables), 6, ran.stderr)
        for variable in variables:
            self.container({"image": IMAGE, "env": [{"name": variable, "value": "x"}]})

    def test_tls_roots_come_from_the_image_or_from_a_config_map(self):
        roots = "/etc/ssl/rds/global-bundle.pem"
        env = self.container(MINIMAL, {"tls": {"mode": "verify-full", "rootCert": roots}})["env"]
        self.assertEqual(env[1:], [{"name": "DB_SSL_MODE", "value": "verify-full"},
                                   {"name": "DB_SSL_ROOT_CERT", "value": roots}])
        container = self.container(MINIMAL, {"tls": {"configMap": "rds-roots", "key": "bundle.pem"}})
        self.assertEqual(container["env"][1:], [{"name": "DB_SSL_ROOT_CERT", "value": "/etc/migrate/tls/bundle.pem"}])
        self.assertEqual(container["volumeMounts"][0]["mountPath"], "/etc/migrate/tls")


class Pod(Chart):
    """What it may do, and who joins it."""

    def test_the_container_can_do_nothing_but_migrate(self):
        for job in self.jobs(self.render(EVERYTHING)):
            spec = job["spec"]["template"]["spec"]
            self.assertIs(spec["automountServiceAccountToken"], False)
            self.assertIs(spec["securityContext"]["runAsNonRoot"], True)
            self.assertGreater(spec["securityContext"]["runAsUser"], 0)
            self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            self.assertEqual(spec["containers"][0]["securityContext"], {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})

    def test_the_user_is_the_images(self):
        with open(os.path.join(ROOT, "Dockerfile"), encoding="utf-8") as file:
            user, group = re.findall(r"^USER (\d+):(\d+)$", file.read(), re.MULTILINE)[-1]
        context = self.job(MINIMAL)["spec"]["template"]["spec"]["securityContext"]
        self.assertEqual((context["runAsUser"], context["runAsGroup"]), (int(user), int(group)))

    def test_the_service_account_carries_no_token_and_irsa_still_has_its_role(self):
        account = [document for document in self.render(MOSAIC) if document["kind"] == "ServiceAccount"][0]
        self.assertIs(account["automountServiceAccountToken"], False)
        self.assertIn("eks.amazonaws.com/role-arn", annotations(account))

    def test_meshes_keep_their_proxies_out_unless_told_otherwise(self):
        metadata = self.job(MINIMAL)["spec"]["template"]["metadata"]
        self.assertEqual(metadata["labels"]["sidecar.istio.io/inject"], "false")
        self.assertEqual(metadata["annotations"]["linkerd.io/inject"], "disabled")
        metadata = self.job(MINIMAL, {"serviceMesh": {"optOut": False}})["spec"]["template"]["metadata"]
        self.assertNotIn("istio", json.dumps(metadata))
        self.assertNotIn("linkerd", json.dumps(metadata))

    def test_a_node_is_not_taken_from_under_a_migration_to_save_money(self):
        found = self.job(MINIMAL, {"podAnnotations": {"team": "data"}})["spec"]["template"]["metadata"]["annotations"]
        self.assertEqual((found["karpenter.sh/do-not-disrupt"], found["team"]), ("true", "data"))

    def test_the_usual_settings_reach_the_pod(self):
        spec = self.job(EVERYTHING)["spec"]["template"]["spec"]
        for key in ("imagePullSecrets", "nodeSelector", "tolerations", "affinity", "priorityClassName"):
            self.assertEqual(spec[key], EVERYTHING[key])
        self.assertEqual(self.job(EVERYTHING)["spec"]["template"]["metadata"]["labels"]["team"], "data")
        self.assertIn("--transaction=run", spec["containers"][0]["args"])

    def test_values_that_look_like_numbers_stay_text(self):
        documents = self.render(MINIMAL, {"database": {"existingSecret": "123"}, "image": {"tag": "20261120"}},
                                namespace="456", release="e1")
        for document in documents:
            self.assertEqual(document["metadata"]["namespace"], "456")
            self.assertTrue(all(isinstance(value, str) for value in document["metadata"]["labels"].values()))
        reference = self.jobs(documents)[0]["spec"]["template"]["spec"]["containers"][0]["env"][0]["valueFrom"]
        self.assertEqual(reference["secretKeyRef"]["name"], "123")


class Dependency(Chart):
    """The chart below another one, which is how most teams use it."""

    PARENT = {"Chart.yaml": "apiVersion: v2\nname: core-api\nversion: 1.0.0\ndependencies:\n- name: migrate\n"
                            "  version: 0.1.0\n  condition: migrations.enabled\n",
              "templates/deployment.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  template:
    spec:
      initContainers:
        {{- include "migrate.initContainer" .Subcharts.migrate | nindent 8 }}
      volumes:
        {{- include "migrate.initContainer.volumes" .Subcharts.migrate | nindent 8 }}
"""}

    def setUp(self):
        super().setUp()
        self.chart = os.path.join(self.folder, "core-api")
        for path, text in self.PARENT.items():
            os.makedirs(os.path.dirname(os.path.join(self.chart, path)), exist_ok=True)
            with open(os.path.join(self.chart, path), "w", encoding="utf-8") as file:
                file.write(text)
        shutil.copytree(CHART, os.path.join(self.chart, "charts", "migrate"))

    def test_it_takes_its_values_from_below_its_name_and_its_condition_from_the_parent(self):
        values = {"global": {"region": "x"}, "migrations": {"enabled": True}, "migrate": MINIMAL}
        self.assertEqual(name(self.job(values)), "app-migrate")
        with open(os.path.join(self.chart, "templates", "deployment.yaml"), "w", encoding="utf-8") as file:
            file.write("")
        self.assertEqual(self.render(values, {"migrations": {"enabled": False}}), [])

    def test_the_readmes_values_render_as_they_stand(self):
        with open(os.path.join(CHART, "README.md"), encoding="utf-8") as file:
            blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(migr.*?)```", file.read(), re.DOTALL)]
        self.assertEqual(len(blocks), 2)
        values = merged(blocks[0], {"migrate": {"initContainer": {"existingSecret": "core-api-db-secret"}}})
        documents = self.render(values, release="core-api")
        self.assertEqual({name(document) for document in documents}, {"core-api", "core-api-migrate"})
        self.assertEqual(name(self.job(values, blocks[1], release="core-api")), "core-api-migrate-1")

    def test_the_readme_names_no_command_that_the_tool_does_not_have(self):
        with open(os.path.join(CHART, "README.md"), encoding="utf-8") as file:
            text = file.read()
        lines = [line.split() for line in re.findall(r"`migrate ((?:[a-z]+)[^`.]*)`", text)] + [
            re.findall(r'"([^"]+)"', line) for line in re.findall(r"\.args = \[(.*?)\]", text)]
        self.assertGreater(len(lines), 6)
        for line in lines:
            with self.subTest(line=line):
                accepted(self, line)

    def test_a_condition_below_its_own_name_is_no_unknown_key(self):
        self.assertEqual(name(self.job({"migrate": merged(MINIMAL, {"enabled": True})})), "app-migrate")

    def test_the_applications_init_container_waits_for_the_heads(self):
        values = {"migrate": merged(MINIMAL, {"migrations": {"source": "configMap", "files": {"a.sql": "x"}}})}
        (deployment,) = [document for document in self.render(values) if document["kind"] == "Deployment"]
        spec = deployment["spec"]["template"]["spec"]
        (container,) = spec["initContainers"]
        self.assertEqual(container["command"] + container["args"],
                         ["migrate", "current", "--check-heads", "--wait=60s", "--directory=/migrations"])
        self.assertEqual(container["env"][0]["valueFrom"]["secretKeyRef"]["name"], "kitchen-database")
        self.assertEqual([volume["name"] for volume in spec["volumes"]],
                         [mount["name"] for mount in container["volumeMounts"]])
        accepted(self, container["args"])

    def test_the_init_container_does_not_use_the_hooks_secret(self):
        self.refuse({"migrate": MOSAIC}, says="initContainer.existingSecret")
        values = {"migrate": merged(MOSAIC, {"initContainer": {"existingSecret": "core-api-db-secret"}})}
        (deployment,) = [document for document in self.render(values) if document["kind"] == "Deployment"]
        container = deployment["spec"]["template"]["spec"]["initContainers"][0]
        self.assertEqual(container["env"][0]["valueFrom"]["secretKeyRef"]["name"], "core-api-db-secret")


class Values(Chart):
    """values.yaml and its schema."""

    def setUp(self):
        super().setUp()
        self.values = without_comments(os.path.join(CHART, "values.yaml"))
        with open(os.path.join(CHART, "values.schema.json"), encoding="utf-8") as file:
            self.schema = json.load(file)

    def closed(self, schema, at=()):
        """Each object whose keys the schema lists, as (path, schema)."""
        if "properties" in schema:
            yield at, schema
            for key, inner in schema["properties"].items():
                yield from self.closed(inner, (*at, key))

    def test_values_and_schema_have_the_same_keys(self):
        for at, schema in self.closed(self.schema):
            values = self.values
            for key in at:
                values = values[key]
            self.assertEqual(sorted(set(schema["properties"]) - {"global", "enabled"} if not at else schema["properties"]),
                             sorted(values), at)

    def test_the_charts_version_is_the_tools(self):
        with open(os.path.join(ROOT, "migrate", "migrate.h"), encoding="utf-8") as file:
            version = re.search(r'#define MIGRATE_VERSION "(.*)"', file.read()).group(1)
        chart = without_comments(os.path.join(CHART, "Chart.yaml"))
        self.assertEqual((chart["version"], chart["appVersion"]), (version, version))

    def test_every_key_is_explained_or_says_it_itself(self):
        with open(os.path.join(CHART, "values.yaml"), encoding="utf-8") as file:
            text = file.read()
        for key in ("repository", "target", "source", "hook", "helmTimeoutSeconds", "existingSecret", "secretStore",
                    "activeDeadlineSeconds", "backoffLimit", "preRollback", "initContainer", "serviceMesh"):
            self.assertRegex(text, r"#[^\n]*\n *%s:" % key)

    def test_an_unknown_key_is_refused_at_every_level(self):
        for at, _ in self.closed(self.schema):
            values = {"unheard": 1}
            for key in reversed(at):
                values = {key: values}
            with self.subTest(at=at):
                self.refuse(MINIMAL, values, says="unheard")

    def test_a_value_of_the_wrong_type_is_refused_for_every_key(self):
        for at, schema in self.closed(self.schema):
            for key, inner in schema["properties"].items():
                wrong = {"a": 1} if inner.get("type") in ("array", "string", "integer") or "enum" in inner else [1]
                values = {key: wrong}
                for above in reversed(at):
                    values = {above: values}
                with self.subTest(key=(*at, key)):
                    self.refuse(MINIMAL, values, says=key)

    def test_values_that_make_no_sense_are_refused(self):
        for values in ({"hook": "pre-install"}, {"wait": "soon"}, {"job": {"backoffLimit": -1}},
                       {"image": {"digest": "latest"}}, {"tls": {"mode": "verify"}}, {"database": {"from": "vault"}},
                       {"migrations": {"files": {"a/b.sql": ""}}}, {"job": {"nameSuffix": "1.4.0"}}):
            with self.subTest(values=values):
                self.refuse(MINIMAL, values, says="don't meet the specifications")

    def test_lint_finds_nothing(self):
        for values in ({}, MINIMAL, MOSAIC, EVERYTHING, merged(MINIMAL, {"hook": "argocd"}),
                       merged(MINIMAL, {"hook": "none"}), merged(MINIMAL, {"hook": "post-install"})):
            ran = self.helm("lint", "--strict", self.chart, values=values)
            self.assertNotRegex(ran.stdout, r"\[(WARNING|ERROR)\]")

    def test_the_manifest_without_helm_is_what_the_chart_renders(self):
        values = without_comments(os.path.join(KUBERNETES, "values.yaml"))
        rendered = self.render(values, release="kitchen")
        for document in rendered:
            del document["metadata"]["namespace"]
            metadata = [document["metadata"]]
            if document["kind"] == "Job":
                metadata.append(document["spec"]["template"]["metadata"])
            for labels in (part["labels"] for part in metadata):
                del labels["helm.sh/chart"], labels["app.kubernetes.io/managed-by"]
        with open(os.path.join(KUBERNETES, "migrate.yaml"), encoding="utf-8") as file:
            self.assertEqual(list(yaml.safe_load_all(file)), rendered)

    def test_the_notes_say_how_to_look_at_a_failed_job(self):
        # Only an installation in a cluster renders them as such.
        self.chart = os.path.join(self.folder, "migrate")
        shutil.copytree(CHART, self.chart)
        shutil.move(os.path.join(self.chart, "templates", "NOTES.txt"), self.chart)
        with open(os.path.join(self.chart, "templates", "notes.yaml"), "w", encoding="utf-8") as file:
            file.write('kind: Notes\ntext: {{ tpl (.Files.Get "NOTES.txt") . | toJson }}\n')
        for hook in ("helm", "none", "post-install", "argocd"):
            documents = self.render(MOSAIC, {"hook": hook})
            (notes,) = [document["text"] for document in documents if document["kind"] == "Notes"]
            job = "app-migrate-1" if hook == "none" else "app-migrate"
            for line in ("kubectl logs -n prod -l job-name=%s " % job, "kubectl describe -n prod job/%s\n" % job,
                         "kubectl describe -n prod externalsecret/app-migrate"):
                self.assertIn(line, notes)
            self.assertEqual("helm uninstall" in notes, hook == "helm")
            self.assertEqual("--atomic" in notes, hook == "post-install")


class Init(Case):
    """migrate init --helm."""

    def chart_files(self, folder):
        found = {}
        for path in glob.glob(os.path.join(folder, "**"), recursive=True):
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = file.read()
        return found

    def test_it_writes_the_chart_byte_for_byte_and_nothing_else(self):
        before = self.chart_files(self.folder)
        ran = self.migrate("init", "--helm", "deploy/charts/migrate")
        written = self.chart_files(self.path("deploy/charts/migrate"))
        for path, content in self.chart_files(CHART).items():
            self.assertTrue(written.pop(path, None) == content, "%s is not what the chart has" % path)
        self.assertEqual(written, {})
        self.assertEqual(sorted(ran.out.splitlines()),
                         sorted("deploy/charts/migrate/" + path for path in self.chart_files(CHART)))
        shutil.rmtree(self.path("deploy"))
        self.assertEqual(self.chart_files(self.folder), before)

    def test_it_overwrites_nothing_and_then_writes_nothing(self):
        for path in ("Chart.yaml", "templates/job.yaml", "values.yaml"):
            folder = "charts-" + path.replace("/", "-")
            self.write(folder + "/" + path, "mine")
            ran = self.migrate("init", "--helm", folder, status=3)
            self.assertIncludes(ran.err, "%s/%s exists already" % (folder, path))
            self.assertEqual(self.chart_files(self.path(folder)), {path: b"mine"})

    def test_files_of_ones_own_beside_it_stay(self):
        self.write("chart/migrations/a.sql", "SELECT 1;")
        self.migrate("init", "--helm", "chart")
        self.assertEqual(self.read("chart/migrations/a.sql"), "SELECT 1;")

    def test_it_goes_with_neither_a_folder_nor_a_template(self):
        for arguments in (("db", "--helm", "chart"), ("--helm", "chart", "--template", "default"), ("--helm", "")):
            self.migrate("init", *arguments, status=2)
            self.assertFalse(os.path.exists(self.path("chart")))


class MountedConfigMap(Sqlite, Case):
    def test_files_as_kubelet_links_them_are_read_once(self):
        shutil.rmtree(self.path("migrations"))
        self.revision("a", up="CREATE TABLE t (x INTEGER);", folder="migrations/..2026_11_20_12_00_00.1")
        os.symlink("..2026_11_20_12_00_00.1", self.path("migrations/..data"))
        os.symlink("..data/a.sql", self.path("migrations/a.sql"))
        self.migrate("upgrade", "head", "--directory=" + self.path("migrations"))
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("a",)])


if __name__ == "__main__":
    main()
