// The schema of the chart's values, checked by the validator that Helm itself uses: the chart's own values pass, and
// values that would render a broken or wrongly counting set do not.
package helm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// valuesWith reads values.yaml and replaces one text in it, which must be there.
func valuesWith(t *testing.T, before, after string) any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), before) {
		t.Fatalf("values.yaml has no %q", before)
	}
	var values any
	if err := yaml.Unmarshal([]byte(strings.Replace(string(text), before, after, 1)), &values); err != nil {
		t.Fatal(before, err)
	}
	return values
}

func TestTheSchemaTakesTheChartsValuesAndRefusesWhatWouldNotRun(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(chart, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	token := `tokens: [{ name: t, sha256: "` + strings.Repeat("0a", 32) + `", sites: ["*"] }]`
	for _, right := range [][2]string{
		{"slots: 3", "slots: 16"},
		{"tokens: []", token},
		{`["10.0.0.0/8"]`, `["10.0.0.0/8", "fd00::/8", "192.0.2.1"]`},
		{"replication: keeper", "replication: distributed"},
		{"image: sillage:0.1.0", "image: registry.example:5000/team/sillage@sha256:0a"},
		{"cpu: 500m", "cpu: 2"},
		{"cpu: 500m", "cpu: 1.5"},
	} {
		if err := schema.Validate(valuesWith(t, right[0], right[1])); err != nil {
			t.Errorf("%s: %v", right[1], err)
		}
	}
	for _, wrong := range [][2]string{
		{"slots: 3", "slots: 0"},
		{"slots: 3", "slots: three"},
		{"slots: 3", "slots: 2.5"},
		{"slots: 3", "replicas: 3"},
		{"image: sillage:0.1.0", "image: \"\""},
		{`["10.0.0.0/8"]`, `10.0.0.0/8`},
		{`["10.0.0.0/8"]`, `[]`},
		{`["10.0.0.0/8"]`, `["ingress.example"]`},
		{"name: shop.example", "host: shop.example"},
		{"timezone: Europe/Paris", "timezone: 2"},
		{"tokens: []", strings.Replace(token, "0a", "0A", 1)},
		{"tokens: []", strings.Replace(token, `["*"]`, `[]`, 1)},
		{"tokens: []", strings.Replace(token, "sha256", "token", 1)},
		{`"http://clickhouse:8123"`, `"clickhouse:8123"`},
		{`"http://clickhouse:8123"`, `"http://user:word@clickhouse:8123"`},
		{"replication: keeper", "replication: zookeeper"},
		{"  passwordSecret: sillage-clickhouse\n", "  password: word\n"},
		{"size: 20Gi", "size: twenty"},
		{"runtimeMemory: 1Gi", "runtimeMemory: 0Gi"},
		{"memory: 4Gi", "memory: 4 GB"},
		{"requests:", "request:"},
	} {
		if schema.Validate(valuesWith(t, wrong[0], wrong[1])) == nil {
			t.Errorf("%s is taken", wrong[1])
		}
	}
}
