// The Dockerfile without a container engine: BuildKit's own parser and linter read it, and the files that it copies are
// compared with those that the program is built from.
package containers

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

const project = "../.."

// stages parses the Dockerfile; each warning of BuildKit's linter fails the test.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	file, err := os.Open(filepath.Join(project, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	parsed, err := parser.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	warn := func(rule, _, _, message string, at []parser.Range) { t.Errorf("%s: %s (%v)", rule, message, at) }
	found, _, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{Warn: warn}))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestImagesArePinnedAndStartWithoutRootAndWithoutShell(t *testing.T) {
	found := stages(t)
	names := []string{}
	for _, stage := range found {
		names = append(names, stage.Name)
		isStage := slices.Contains(names, stage.BaseName)
		if !isStage && (!strings.Contains(stage.BaseName, ":") || strings.HasSuffix(stage.BaseName, ":latest")) {
			t.Errorf("%s has no version", stage.BaseName)
		}
	}
	seen := map[string]bool{}
	for _, stage := range found {
		if stage.Name != "collector" {
			continue
		}
		for _, command := range stage.Commands {
			switch command := command.(type) {
			case *instructions.UserCommand:
				seen["user"] = command.User == "10001:10001"
			case *instructions.EntrypointCommand:
				seen["entrypoint"] = !command.PrependShell
			case *instructions.CmdCommand:
				seen["command"] = !command.PrependShell
			case *instructions.HealthCheckCommand:
				seen["health"] = command.Health.Test[0] == "CMD"
			case *instructions.AddCommand:
				t.Error("ADD fetches or unpacks; COPY does not")
			}
		}
	}
	for _, what := range []string{"user", "entrypoint", "command", "health"} {
		if !seen[what] {
			t.Errorf("collector: %s is missing, or of root or a shell", what)
		}
	}
	if last := found[len(found)-1]; last.Name != "embedded" || last.BaseName != "collector" {
		t.Errorf("the last stage is %s from %s", last.Name, last.BaseName)
	}
}

// copied lists the paths that a stage takes from the project.
func copied(stage instructions.Stage) []string {
	paths := []string{}
	for _, command := range stage.Commands {
		if copy, ok := command.(*instructions.CopyCommand); ok && copy.From == "" {
			paths = append(paths, copy.SourcePaths...)
		}
	}
	return paths
}

func TestEveryFileThatTheProgramIsBuiltFromIsCopied(t *testing.T) {
	program := os.Getenv("SILLAGE_BIN")
	notes, err := os.ReadFile(program + ".d")
	if err != nil {
		t.Fatalf("cargo's list of sources beside the program: %v", err)
	}
	root, err := filepath.Abs(project)
	if err != nil {
		t.Fatal(err)
	}
	_, sources, _ := strings.Cut(string(notes), ": ")
	files := []string{}
	for _, file := range strings.Fields(sources) {
		if relative, err := filepath.Rel(root, file); err == nil && !strings.HasPrefix(relative, "..") {
			files = append(files, relative)
		}
	}
	if len(files) < 100 {
		t.Fatalf("only %d sources are listed in %s.d", len(files), program)
	}
	paths := copied(stages(t)[0])
	for _, file := range files {
		covers := func(path string) bool { return file == path || strings.HasPrefix(file, path+"/") }
		if !slices.ContainsFunc(paths, covers) {
			t.Errorf("the program includes %s, which the build stage does not copy", file)
		}
	}
}

func TestTheCopiedFilesAreAWholePackage(t *testing.T) {
	for _, stage := range stages(t) {
		for _, path := range copied(stage) {
			if _, err := os.Stat(filepath.Join(project, path)); err != nil {
				t.Errorf("%s: %v", stage.Name, err)
			}
		}
	}
	folder := t.TempDir()
	for _, path := range copied(stages(t)[0]) {
		command := exec.Command("cp", "-r", "--parents", path, folder)
		command.Dir = project
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s: %s", path, output)
		}
	}
	cargo := exec.Command("cargo", "metadata", "--locked", "--no-deps", "--format-version", "1")
	cargo.Dir = folder
	if output, err := cargo.CombinedOutput(); err != nil {
		t.Fatalf("cargo does not find all targets of the manifest:\n%s", output)
	}
}
