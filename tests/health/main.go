// Health prints how GitOps tools judge objects, by the tools' own libraries.
//
//	health judge < {"objects": […], "scripts": {…}}   one verdict an object: kstatus, which Flux asks, and Argo CD
//	health flux < {"objects": […]}                     fails if Flux's own types do not know a member of one of them
//
// The scripts are the data of Argo CD's ConfigMap argocd-cm.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	helm "github.com/fluxcd/helm-controller/api/v2"
	kustomize "github.com/fluxcd/kustomize-controller/api/v1"
	source "github.com/fluxcd/source-controller/api/v1"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type input struct {
	Objects []json.RawMessage `json:"objects"`
	Scripts map[string]string `json:"scripts"`
}

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type verdicts struct {
	Kstatus verdict `json:"kstatus"`
	Argocd  verdict `json:"argocd"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "health:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	var in input
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		return err
	}
	switch {
	case slices.Equal(arguments, []string{"judge"}):
		all := []verdicts{}
		for _, object := range in.Objects {
			one, err := judge(object, in.Scripts)
			if err != nil {
				return err
			}
			all = append(all, one)
		}
		return json.NewEncoder(os.Stdout).Encode(all)
	case slices.Equal(arguments, []string{"flux"}):
		for _, object := range in.Objects {
			if err := known(object); err != nil {
				return err
			}
		}
		return nil
	default:
		return fmt.Errorf("judge or flux, not %q", arguments)
	}
}

func judge(text json.RawMessage, scripts map[string]string) (verdicts, error) {
	// Not encoding/json: whole numbers have to stay whole.
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		return verdicts{}, err
	}
	result, err := status.Compute(object)
	if err != nil {
		return verdicts{}, err
	}
	argocd, err := argo(object, scripts)
	if err != nil {
		return verdicts{}, fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return verdicts{Kstatus: verdict{string(result.Status), result.Message}, Argocd: argocd}, nil
}

// What Argo CD does: an object that is being deleted is not put to the script, and a script has neither files nor strings,
// and a second.
func argo(object *unstructured.Unstructured, scripts map[string]string) (verdict, error) {
	if object.GetDeletionTimestamp() != nil {
		return verdict{"Progressing", "Pending deletion"}, nil
	}
	kind := object.GroupVersionKind()
	script, found := scripts[fmt.Sprintf("resource.customizations.health.%s_%s", kind.Group, kind.Kind)]
	if !found {
		return verdict{}, fmt.Errorf("no health script")
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return verdict{}, err
		}
	}
	limit, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limit)
	state.SetGlobal("obj", value(state, object.Object))
	if err := state.DoString(script); err != nil {
		return verdict{}, err
	}
	said, isTable := state.Get(-1).(*lua.LTable)
	if !isTable {
		return verdict{}, fmt.Errorf("the script gives %s, not a table", state.Get(-1).Type())
	}
	health := said.RawGetString("status").String()
	if !slices.Contains([]string{"Healthy", "Progressing", "Degraded", "Suspended"}, health) {
		return verdict{}, fmt.Errorf("%q is no health", health)
	}
	message, isText := said.RawGetString("message").(lua.LString)
	if !isText {
		return verdict{}, fmt.Errorf("the message is no text")
	}
	return verdict{health, string(message)}, nil
}

func value(state *lua.LState, from any) lua.LValue {
	switch from := from.(type) {
	case map[string]any:
		table := state.NewTable()
		for name, member := range from {
			table.RawSetString(name, value(state, member))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, member := range from {
			table.Append(value(state, member))
		}
		return table
	case string:
		return lua.LString(from)
	case bool:
		return lua.LBool(from)
	case int64:
		return lua.LNumber(from)
	case float64:
		return lua.LNumber(from)
	default:
		return lua.LNil
	}
}

// known reads an object into Flux's own type for its kind, which has to know each member.
func known(text json.RawMessage) error {
	var kind struct{ APIVersion, Kind string }
	if err := json.Unmarshal(text, &kind); err != nil {
		return err
	}
	var into any
	switch kind.APIVersion + " " + kind.Kind {
	case source.GroupVersion.String() + " " + source.GitRepositoryKind:
		into = &source.GitRepository{}
	case kustomize.GroupVersion.String() + " " + kustomize.KustomizationKind:
		into = &kustomize.Kustomization{}
	case helm.GroupVersion.String() + " " + helm.HelmReleaseKind:
		into = &helm.HelmRelease{}
	default:
		return fmt.Errorf("Flux has no %s of %s", kind.Kind, kind.APIVersion)
	}
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", kind.Kind, err)
	}
	return nil
}
