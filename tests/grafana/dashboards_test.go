package grafana

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/shopspring/decimal"
)

// mayBeEmpty are panels that may have no rows in the demonstration: campaigns depend on consent and the profile, robots
// and outcomes on the hits since the start.
var mayBeEmpty = []string{"Channels", "Sources", "Campaigns", "Media", "Searches", "Script errors", "Not found",
	"Robots by kind", "Pages read by robots", "Robots", "Hits not counted, by outcome"}

// notCounts are numeric columns that are not counts: rates, durations, depths, load times. Every other number of a
// dashboard is a count, of any column type.
var notCounts = []string{"Views per visit", "Bounce rate", "Visit duration", "Time on page", "Scroll depth", "Change",
	"Rate", "p50", "p75", "p95", "percent", "Largest contentful paint", "Interaction to next paint",
	"Layout shift, thousandths", "First contentful paint", "First byte"}

// table is the answer to a query.
type table struct {
	columns []string
	types   []string
	rows    [][]any
}

func ask(connection driver.Conn, sql string) (table, error) {
	rows, err := connection.Query(context.Background(), sql)
	if err != nil {
		return table{}, err
	}
	defer rows.Close()
	found := table{columns: rows.Columns()}
	for _, one := range rows.ColumnTypes() {
		found.types = append(found.types, one.DatabaseTypeName())
	}
	for rows.Next() {
		cells := make([]any, len(found.columns))
		for index, one := range rows.ColumnTypes() {
			cells[index] = reflect.New(one.ScanType()).Interface()
		}
		if err := rows.Scan(cells...); err != nil {
			return table{}, err
		}
		for index, cell := range cells {
			cells[index] = reflect.ValueOf(cell).Elem().Interface()
		}
		found.rows = append(found.rows, cells)
	}
	return found, rows.Err()
}

func lastMonths() timeRange {
	now := time.Now().UTC()
	return timeRange{now.AddDate(0, 0, -27).Truncate(24 * time.Hour), now}
}

// variables loads the variables of a dashboard as Grafana does: in order, each with the values of those before it.
func variables(t *testing.T, connection driver.Conn, b board, everything bool) map[string][]string {
	t.Helper()
	values := map[string][]string{}
	for _, one := range b.Templating.List {
		text, _ := one.Query.(string)
		switch one.Type {
		case "constant":
			values[one.Name] = []string{text}
		case "custom":
			values[one.Name] = []string{strings.Split(text, ",")[0]}
		case "query":
			if everything && one.IncludeAll {
				values[one.Name] = []string{all}
				continue
			}
			constants := map[string][]string{"timezone": {"UTC"}}
			for name, value := range values {
				constants[name] = value
			}
			listed, err := ask(connection, expanded(text, lastMonths(), constants))
			if err != nil {
				t.Fatalf("%s › variable %s: %v", b.UID, one.Name, err)
			}
			if len(listed.rows) == 0 {
				t.Fatalf("%s › variable %s lists nothing", b.UID, one.Name)
			}
			values[one.Name] = []string{fmt.Sprint(listed.rows[0][0])}
			if one.Name == "dimension" {
				values[one.Name] = []string{"country"}
			}
		}
	}
	return values
}

// number returns the value of a numeric cell: of any width, signed or unsigned, integer or not, nullable or not.
func number(cell any) (float64, bool) {
	value := reflect.ValueOf(cell)
	for value.IsValid() && (value.Kind() == reflect.Pointer || value.Kind() == reflect.Interface) {
		value = value.Elem()
	}
	switch {
	case !value.IsValid():
		return 0, false
	case value.CanInt():
		return float64(value.Int()), true
	case value.CanUint():
		return float64(value.Uint()), true
	case value.CanFloat():
		return value.Float(), true
	}
	// Wider integers and decimals are structs that print as numbers.
	if value.Kind() == reflect.Struct && value.Type().PkgPath() != "time" {
		shown := fmt.Sprint(value.Interface())
		if value.CanAddr() {
			shown = fmt.Sprint(value.Addr().Interface())
		}
		read, err := strconv.ParseFloat(shown, 64)
		return read, err == nil
	}
	return 0, false
}

// outOfTens returns the number of counts in an answer, and an error for the first that is not a multiple of ten.
func outOfTens(found table) (counts int, err error) {
	for index, column := range found.columns {
		if slices.Contains(notCounts, column) {
			continue
		}
		for _, row := range found.rows {
			count, is := number(row[index])
			if !is {
				continue
			}
			counts++
			if math.Mod(count, 10) != 0 {
				return counts, fmt.Errorf("%s (%s) is %v: not in tens", column, found.types[index], count)
			}
		}
	}
	return counts, nil
}

// check returns an error if an answer lacks columns or, for a series, a time.
func check(one query, found table) error {
	// An answer without rows has no block, and so no columns.
	if len(found.rows) == 0 {
		return nil
	}
	if len(found.columns) < 2 {
		return fmt.Errorf("%d columns", len(found.columns))
	}
	if one.series && (found.columns[0] != "time" || !strings.HasPrefix(found.types[0], "DateTime")) {
		return fmt.Errorf("the first column of a series is %s %s, not a time", found.columns[0], found.types[0])
	}
	return nil
}

// everyQuery runs all queries of every dashboard; with `tens` it returns the number of counts, each a multiple of ten.
func everyQuery(t *testing.T, connection driver.Conn, tens bool) (counts int) {
	for _, b := range boards(t) {
		for _, everything := range []bool{true, false} {
			values := variables(t, connection, b, everything)
			for _, one := range b.queries() {
				found, err := ask(connection, expanded(one.sql, lastMonths(), values))
				if err == nil {
					err = check(one, found)
				}
				if err == nil && tens {
					var here int
					here, err = outOfTens(found)
					counts += here
				}
				if err != nil {
					t.Errorf("%s: %v\n%s", one.place, err, expanded(one.sql, lastMonths(), values))
				} else if !tens && len(found.rows) == 0 && !excused(one.place) {
					t.Errorf("%s: no rows\n%s", one.place, expanded(one.sql, lastMonths(), values))
				}
			}
		}
	}
	return counts
}

func excused(place string) bool {
	for _, name := range mayBeEmpty {
		if strings.HasSuffix(place, name) {
			return true
		}
	}
	return false
}

func TestEveryQueryOfEveryDashboardGivesRowsOfTheRightTypes(t *testing.T) {
	connection := start(t, "exact").connect(t)
	everyQuery(t, connection, false)
	for _, one := range alertQueries(t) {
		now := time.Now().UTC()
		found, err := ask(connection, expanded(one.sql, timeRange{now.AddDate(0, 0, -15), now}, nil))
		if err == nil {
			err = check(one, found)
		}
		if err != nil {
			t.Errorf("%s: %v", one.place, err)
		} else if len(found.columns) != 2 || len(found.rows) == 0 {
			t.Errorf("%s: an alert needs one series with points, not %d columns and %d rows", one.place, len(found.columns), len(found.rows))
		}
	}
}

func TestEveryCountOfADashboardIsInTensByDefault(t *testing.T) {
	if counts := everyQuery(t, start(t, "tens").connect(t), true); counts < 500 {
		t.Errorf("only %d counts came", counts)
	}
}

func TestACountOutOfTensIsFoundInAColumnOfAnyType(t *testing.T) {
	whole, float, small := int64(21), 21.0, uint8(21)
	for _, cell := range []any{int64(21), uint64(21), int8(21), uint16(21), float32(21), 21.5, &whole, &float, &small,
		big.NewInt(21), decimal.NewFromFloat(20.5)} {
		found := table{columns: []string{"page", "visitors"}, types: []string{"String", "any"}, rows: [][]any{{"x", cell}}}
		if counts, err := outOfTens(found); counts != 1 || err == nil {
			t.Errorf("%T: %d counts, %v", cell, counts, err)
		}
	}
	for _, cell := range []any{int64(20), uint8(0), -10.0, (*int64)(nil), big.NewInt(30), decimal.NewFromInt(40), "21",
		time.Unix(21, 0)} {
		found := table{columns: []string{"visitors"}, types: []string{"any"}, rows: [][]any{{cell}}}
		if _, err := outOfTens(found); err != nil {
			t.Errorf("%T: %v", cell, err)
		}
	}
}

func TestAnAdHocFilterOfTheDataSourceNarrowsATable(t *testing.T) {
	connection := start(t, "exact").connect(t)
	const sql = "SELECT value, sum(visitors) AS visitors FROM dimension_days WHERE site = 'demo' AND dimension = 'country' GROUP BY value"
	found, err := ask(connection, sql+` settings additional_table_filters={'dimension_days' : ' value = \'FR\' '}`)
	if err != nil {
		t.Fatal(err)
	}
	if len(found.rows) != 1 || found.rows[0][0] != "FR" {
		t.Fatalf("the filter gives %v", found.rows)
	}
}

func TestTheQueryBuilderFindsThePublishedTables(t *testing.T) {
	connection := start(t, "exact").connect(t)
	found, err := ask(connection, "SELECT name, engine FROM system.tables WHERE database = 'sillage' ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	names := fmt.Sprint(found.rows)
	for _, name := range []string{"site_days", "page_days", "dimension_days", "annotations"} {
		if !strings.Contains(names, name) {
			t.Errorf("%s is not listed: %s", name, names)
		}
	}
	if strings.Contains(names, "waiting_") {
		t.Errorf("a reader sees waiting tables: %s", names)
	}
}

func TestEveryMetricOfTheOperationsDashboardIsServed(t *testing.T) {
	running := start(t, "exact")
	answer, err := http.Get("http://" + running.console.Host + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	served, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`sillage_\w+`).FindAllString(metricsOfOperations(t), -1)
	if len(names) < 20 {
		t.Fatalf("only %d metrics are named", len(names))
	}
	for _, name := range names {
		if !strings.Contains(string(served), "\n"+name) && !strings.Contains(string(served), " "+name+" ") {
			t.Errorf("%s is not served", name)
		}
	}
}

func TestEachAlertOfPrometheusHasItsEntryInTheRunbook(t *testing.T) {
	rules, err := os.ReadFile("../../deploy/prometheus/sillage.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	runbook, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(rules), -1)
	if len(alerts) < 9 {
		t.Fatalf("only %d alerts are found", len(alerts))
	}
	for _, alert := range alerts {
		if !strings.Contains(string(runbook), "\n### "+alert[1]+"\n") {
			t.Errorf("%s has no entry in docs/operations.md", alert[1])
		}
		if !strings.Contains(string(rules), "docs/operations.md#"+strings.ToLower(alert[1])+"\n") {
			t.Errorf("%s does not name its entry", alert[1])
		}
	}
}
