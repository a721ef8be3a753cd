// Package grafana runs every query of the dashboards as Grafana's ClickHouse data source does: the same client
// (clickhouse-go), the same macros, the same escaping of variables.
package grafana

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// timeRange is the range of a dashboard's time picker.
type timeRange struct{ from, to time.Time }

// all is the value of a variable with the option "All".
const all = "$__all"

var (
	function = regexp.MustCompile(`\$__(timeFilter|dateFilter|timeInterval)\(([^()]*)\)`)
	variable = regexp.MustCompile(`\$\{(\w+)(?::(\w+))?\}|\$([a-z]\w*)`)
)

// expanded returns the query as it is sent to the database.
func expanded(sql string, span timeRange, values map[string][]string) string {
	sql = withoutConditionalAll(sql, values)
	sql = withVariables(sql, values)
	from, to := span.from.Unix(), span.to.Unix()
	sql = function.ReplaceAllStringFunc(sql, func(call string) string {
		parts := function.FindStringSubmatch(call)
		column := parts[2]
		switch parts[1] {
		case "timeFilter":
			return fmt.Sprintf("%s >= toDateTime(%d) AND %s <= toDateTime(%d)", column, from, column, to)
		case "dateFilter":
			day := func(at time.Time) string { return at.UTC().Format("2006-01-02") }
			return fmt.Sprintf("%s >= toDate('%s') AND %s <= toDate('%s')", column, day(span.from), column, day(span.to))
		default:
			return fmt.Sprintf("toStartOfInterval(toDateTime(%s), INTERVAL %d second)", column, intervalSeconds(span))
		}
	})
	sql = strings.ReplaceAll(sql, "$__fromTime", fmt.Sprintf("toDateTime(%d)", from))
	return strings.ReplaceAll(sql, "$__toTime", fmt.Sprintf("toDateTime(%d)", to))
}

// intervalSeconds is Grafana's step for a chart of about 800 points, at least an hour here.
func intervalSeconds(span timeRange) int64 {
	return max(3600, int64(span.to.Sub(span.from).Seconds())/800)
}

// withoutConditionalAll replaces `$__conditionalAll(condition, $variable)`, as the front end does.
func withoutConditionalAll(sql string, values map[string][]string) string {
	const name = "$__conditionalAll("
	for {
		begin := strings.Index(sql, name)
		if begin < 0 {
			return sql
		}
		depth, end, comma := 1, begin+len(name), 0
		for ; depth > 0; end++ {
			switch sql[end] {
			case '(':
				depth++
			case ')':
				depth--
			case ',':
				if depth == 1 {
					comma = end
				}
			}
		}
		condition := sql[begin+len(name) : comma]
		chosen := values[strings.TrimPrefix(strings.TrimSpace(sql[comma+1:end-1]), "$")]
		if len(chosen) == 1 && chosen[0] == all {
			condition = "1=1"
		}
		sql = sql[:begin] + condition + sql[end:]
	}
}

// withVariables replaces `$name`, `${name}` and `${name:singlequote}`.
func withVariables(sql string, values map[string][]string) string {
	return variable.ReplaceAllStringFunc(sql, func(use string) string {
		parts := variable.FindStringSubmatch(use)
		chosen, known := values[parts[1]+parts[3]]
		if !known {
			return use
		}
		if parts[2] != "singlequote" {
			return strings.Join(chosen, ",")
		}
		quoted := make([]string, len(chosen))
		for index, value := range chosen {
			quoted[index] = "'" + strings.ReplaceAll(value, "'", `\'`) + "'"
		}
		return strings.Join(quoted, ",")
	})
}
