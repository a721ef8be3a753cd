package grafana

import (
	"bufio"
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

var console = regexp.MustCompile(`^\s*console {2,}(http:\S+)`)

// program is a running demonstration.
type program struct {
	console *url.URL
	token   string
}

// running holds the demonstrations by protection: each starts once, and ends with the tests.
var (
	running  = map[string]program{}
	commands []*exec.Cmd
)

func TestMain(m *testing.M) {
	code := m.Run()
	for _, command := range commands {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait()
	}
	os.Exit(code)
}

// start returns the demonstration with this protection, and starts it first if needed.
func start(t *testing.T, protection string) program {
	t.Helper()
	if found, started := running[protection]; started {
		return found
	}
	binary := os.Getenv("SILLAGE_BIN")
	if binary == "" {
		binary = "./target/debug/sillage"
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary, "serve", "--demo")
	command.Dir = root
	command.Stderr = os.Stderr
	command.Env = append(os.Environ(), "SILLAGE_COLLECT__LISTEN=127.0.0.1:0", "SILLAGE_CONSOLE__LISTEN=127.0.0.1:0",
		"SILLAGE_PRIVACY__PROTECTION="+protection)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	commands = append(commands, command)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if found := console.FindStringSubmatch(lines.Text()); found != nil {
			address, err := url.Parse(found[1])
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for lines.Scan() {
				}
			}()
			running[protection] = program{address, address.Query().Get("token")}
			return running[protection]
		}
	}
	t.Fatal("the program ended before it said where its console is")
	return program{}
}

// connect opens a connection to the console as the data source does.
func (p program) connect(t *testing.T) driver.Conn {
	t.Helper()
	connection, err := clickhouse.Open(&clickhouse.Options{
		Addr:        []string{p.console.Host},
		Protocol:    clickhouse.HTTP,
		HttpUrlPath: "/clickhouse",
		Auth:        clickhouse.Auth{Database: "sillage", Username: "grafana", Password: p.token},
		Compression: &clickhouse.Compression{Method: clickhouse.CompressionGZIP},
		DialTimeout: 10 * time.Second,
		ReadTimeout: 60 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if err := connection.Ping(context.Background()); err != nil {
		t.Fatalf("the data source cannot connect: %v", err)
	}
	p.awaitPast(t, connection)
	return connection
}

// pastTables are the tables with the demonstration's past, in the order of writing.
var pastTables = []string{"site_hours", "site_days", "page_days", "dimension_days", "dimension_page_days", "action_days",
	"action_page_days", "action_value_days", "timing_days", "timing_page_days"}

// awaitPast returns once the demonstration's last weeks are published: its second site is imported after them.
func (p program) awaitPast(t *testing.T, connection driver.Conn) {
	t.Helper()
	missing := "everything"
	for begun := time.Now(); time.Since(begun) < 3*time.Minute; time.Sleep(200 * time.Millisecond) {
		missing = ""
		for _, name := range pastTables {
			sql := "SELECT toInt64(countIf(site = 'demo')), toInt64(countIf(site != 'demo')) FROM " + name
			found, err := ask(connection, sql)
			if err != nil {
				t.Fatal(err)
			}
			if len(found.rows) == 0 || found.rows[0][0].(int64) == 0 || name == "site_days" && found.rows[0][1].(int64) == 0 {
				missing = name
				break
			}
		}
		if missing == "" {
			return
		}
	}
	t.Fatalf("the simulated weeks did not come: nothing in %s", missing)
}
