// docker-compose.yml as `docker compose` reads it, without an engine: both profiles are loaded with the library behind
// that command, after the operator's first step, deploy/docker/setup.sh.
package containers

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// prepared copies what the file mounts into a folder and runs the operator's first step there.
func prepared(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	command := exec.Command("cp", "-r", "--parents", "docker-compose.yml", "Dockerfile", "deploy", "dashboards", folder)
	command.Dir = project
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s", output)
	}
	os.RemoveAll(filepath.Join(folder, "deploy/docker/secrets"))
	setup := exec.Command(filepath.Join(folder, "deploy/docker/setup.sh"), "shop.example", "stats.shop.example")
	if output, err := setup.CombinedOutput(); err != nil {
		t.Fatalf("setup.sh: %s", output)
	}
	return folder
}

func load(t *testing.T, folder, profile string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions(
		[]string{filepath.Join(folder, "docker-compose.yml")},
		cli.WithName("sillage"), cli.WithProfiles([]string{profile}), cli.WithEnv([]string{"SILLAGE_HOST=stats.shop.example"}),
	)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestBothProfilesLoadAndEveryMountedPathIsThere(t *testing.T) {
	folder := prepared(t)
	for profile, services := range map[string][]string{
		"embedded": {"sillage-embedded"},
		"full":     {"caddy", "clickhouse", "grafana", "sillage"},
	} {
		loaded := load(t, folder, profile)
		if names := loaded.ServiceNames(); !slices.Equal(names, services) {
			t.Errorf("%s: services %v", profile, names)
		}
		for name, secret := range loaded.Secrets {
			if about, err := os.Stat(secret.File); err != nil || about.Size() == 0 {
				t.Errorf("%s: secret %s: %v", profile, name, err)
			}
		}
		for _, service := range loaded.Services {
			for _, volume := range service.Volumes {
				if volume.Type != types.VolumeTypeBind {
					continue
				}
				if _, err := os.Stat(volume.Source); err != nil {
					t.Errorf("%s mounts %v", service.Name, err)
				}
				if !volume.ReadOnly {
					t.Errorf("%s may write to %s", service.Name, volume.Source)
				}
			}
		}
	}
}

func TestServicesArePinnedAndOnlyTheProxyListensToTheWorld(t *testing.T) {
	folder := prepared(t)
	for _, profile := range []string{"embedded", "full"} {
		for _, service := range load(t, folder, profile).Services {
			if _, version, _ := strings.Cut(service.Image, ":"); version == "" || version == "latest" {
				t.Errorf("%s: image %s has no version", service.Name, service.Image)
			}
			for _, port := range service.Ports {
				if service.Name != "caddy" && port.HostIP != "127.0.0.1" {
					t.Errorf("%s publishes port %s on %q", service.Name, port.Published, port.HostIP)
				}
			}
			if service.Restart == "" {
				t.Errorf("%s does not come back after a restart of the machine", service.Name)
			}
			if service.Build == nil {
				continue
			}
			isTarget := func(stage string) bool { return stage == service.Build.Target }
			names := []string{}
			for _, stage := range stages(t) {
				names = append(names, stage.Name)
			}
			if !slices.ContainsFunc(names, isTarget) {
				t.Errorf("%s: the Dockerfile has no stage %s", service.Name, service.Build.Target)
			}
			hardened := service.ReadOnly && service.User == "10001:10001" && slices.Equal(service.CapDrop, []string{"ALL"}) &&
				slices.Contains(service.SecurityOpt, "no-new-privileges:true") && service.HealthCheck != nil
			if !hardened {
				t.Errorf("%s: root file system, user, capabilities or health check", service.Name)
			}
			inMemory := slices.ContainsFunc(service.Tmpfs, func(mount string) bool { return strings.HasPrefix(mount, "/run/sillage:mode=0700") })
			if !inMemory {
				t.Errorf("%s: visitor tags are not in memory", service.Name)
			}
		}
	}
}

func TestBothConfigurationsAreValid(t *testing.T) {
	folder := prepared(t)
	locations, err := filepath.Abs(filepath.Join(project, "node_modules/@ip-location-db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"embedded", "full"} {
		file := filepath.Join(folder, "deploy/docker/secrets", kind+".toml")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// Where the container has location files and secrets, and where they are here.
		secrets := filepath.Join(folder, "deploy/docker/secrets") + "/"
		here := strings.NewReplacer("/usr/share/sillage/", locations+"/", "/run/secrets/", secrets).Replace(string(text))
		if err := os.WriteFile(file, []byte(here), 0o600); err != nil {
			t.Fatal(err)
		}
		check := exec.Command(os.Getenv("SILLAGE_BIN"), "check", "--config", file)
		if output, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s: %s", kind, output)
		}
	}
}
