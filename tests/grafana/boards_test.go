package grafana

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const folder = "../../dashboards/grafana"

// query is one SQL text, with the dashboard and panel that hold it.
type query struct {
	place  string
	sql    string
	series bool
}

// board is the part of a dashboard that the tests read.
type board struct {
	UID        string
	Title      string
	Panels     []panel
	Templating struct {
		List []struct {
			Name, Type string
			Query      any
			Multi      bool
			IncludeAll bool
			Current    struct{ Value any }
		}
	}
	Annotations struct {
		List []struct {
			Name   string
			Target target
		}
	}
}

type panel struct {
	Title, Type string
	Targets     []target
	Panels      []panel
}

type target struct {
	Datasource struct{ Type string }
	RawSQL     string `json:"rawSql"`
	QueryType  string
	Expr       string
}

// boards reads the four dashboards on ClickHouse.
func boards(t *testing.T) []board {
	t.Helper()
	var found []board
	for _, name := range []string{"audience", "page", "load", "actions"} {
		text, err := os.ReadFile(filepath.Join(folder, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var read board
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		found = append(found, read)
	}
	return found
}

// queries lists the SQL of panels and annotations.
func (b board) queries() []query {
	var found []query
	add := func(place string, one target) {
		if one.RawSQL != "" {
			found = append(found, query{b.UID + " › " + place, one.RawSQL, one.QueryType == "timeseries"})
		}
	}
	for _, one := range b.Panels {
		for _, inner := range append(one.Panels, one) {
			for _, target := range inner.Targets {
				add(inner.Title, target)
			}
		}
	}
	for _, one := range b.Annotations.List {
		add("annotation "+one.Name, one.Target)
	}
	return found
}

// alertQueries lists the SQL of provisioned alert rules.
func alertQueries(t *testing.T) []query {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "provisioning/alerting/sillage.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Title string
				Data  []struct{ Model target }
			}
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var found []query
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			for _, data := range rule.Data {
				if data.Model.RawSQL != "" {
					found = append(found, query{"alert " + rule.Title, data.Model.RawSQL, true})
				}
			}
		}
	}
	return found
}

// metricsOfOperations lists the expressions of the dashboard on Prometheus and of the alerts, Grafana's and Prometheus'.
func metricsOfOperations(t *testing.T) string {
	t.Helper()
	var whole strings.Builder
	for _, name := range []string{"operations.json", "provisioning/alerting/sillage.json", "../../deploy/prometheus/sillage.rules.yml"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		whole.Write(text)
	}
	return whole.String()
}
