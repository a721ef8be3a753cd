// The chart of deploy/helm, rendered with its own values by the template engine that Helm is built on. Helm itself is not
// needed: of its functions the chart uses toJson alone. Names that objects call each other by must exist, and the
// configuration must pass `sillage check`.
package helm

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"go.yaml.in/yaml/v3"
)

type object = map[string]any

const chart = "../../deploy/helm"

func rendered(t *testing.T) map[string]object {
	t.Helper()
	var values object
	text, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
	if err != nil || yaml.Unmarshal(text, &values) != nil {
		t.Fatal("values.yaml is not YAML")
	}
	files, err := filepath.Glob(filepath.Join(chart, "templates/*.yaml"))
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	toJSON := func(value any) (string, error) {
		text, err := json.Marshal(value)
		return string(text), err
	}
	objects := map[string]object{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := template.New(file).Option("missingkey=error").Funcs(template.FuncMap{"toJson": toJSON}).Parse(string(source))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := parsed.Execute(&out, object{"Values": values, "Release": object{"Name": "stats"}}); err != nil {
			t.Fatal(err)
		}
		documents := yaml.NewDecoder(&out)
		for {
			var one object
			err := documents.Decode(&one)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(file, err)
			}
			name := one["kind"].(string) + "/" + one["metadata"].(object)["name"].(string)
			objects[name] = one
		}
	}
	return objects
}

func at(value any, path ...string) any {
	for _, key := range path {
		value = value.(object)[key]
	}
	return value
}

func TestEveryNameThatTheChartUsesExists(t *testing.T) {
	objects := rendered(t)
	set := objects["StatefulSet/stats"]
	labels := at(set, "spec", "template", "metadata", "labels").(object)
	for _, name := range []string{"Service/stats", "Service/stats-console"} {
		for key, value := range at(objects[name], "spec", "selector").(object) {
			if labels[key] != value {
				t.Fatal(name, key, value)
			}
		}
	}
	if at(set, "spec", "serviceName") != "stats" || objects["ConfigMap/stats"] == nil {
		t.Fatal("the set's service or configuration has another name")
	}
	volumes := map[any]bool{}
	pod := at(set, "spec", "template", "spec")
	for _, volume := range at(pod, "volumes").([]any) {
		volumes[at(volume, "name")] = true
	}
	for _, claim := range at(set, "spec", "volumeClaimTemplates").([]any) {
		volumes[at(claim, "metadata", "name")] = true
	}
	container := at(pod, "containers").([]any)[0]
	for _, mount := range at(container, "volumeMounts").([]any) {
		if !volumes[at(mount, "name")] {
			t.Fatal("no volume", mount)
		}
	}
	ports := map[any]bool{}
	for _, port := range at(container, "ports").([]any) {
		ports[at(port, "name")] = true
	}
	for _, name := range []string{"Service/stats", "Service/stats-console"} {
		for _, port := range at(objects[name], "spec", "ports").([]any) {
			if !ports[at(port, "targetPort")] {
				t.Fatal(name, port)
			}
		}
	}
	if at(objects["Service/stats"], "spec", "clusterIP") != "None" {
		t.Fatal("hits must not be spread over the slots")
	}
}

func TestTheConfigurationOfTheChartPassesCheck(t *testing.T) {
	program := os.Getenv("SILLAGE_BIN")
	if program == "" {
		t.Skip("SILLAGE_BIN names no program")
	}
	folder := t.TempDir()
	text := at(rendered(t)["ConfigMap/stats"], "data", "sillage.toml").(string)
	text = strings.ReplaceAll(text, "/etc/sillage/secret", folder)
	for name, content := range map[string]string{"password": "p", "sillage.toml": text} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	said, err := exec.Command(program, "check", "--config", filepath.Join(folder, "sillage.toml")).CombinedOutput()
	if err != nil {
		t.Fatal(string(said))
	}
}
