//! The `hooktender` binary.

fn main() {
    for crd in hooktender::api::crds().unwrap() {
        println!("---\n{}", hooktender::api::yaml(&crd).unwrap());
    }
}
