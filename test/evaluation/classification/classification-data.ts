// Items that scikit-learn was shown too, and what it made of them. The numbers below and in the tests come from
// scikit-learn 1.9.1:
//
//   import numpy as np
//   from sklearn.decomposition import PCA
//   from sklearn.mixture import GaussianMixture
//   from sklearn.preprocessing import StandardScaler
//   from sklearn.svm import SVC
//   state = 1
//   def number():
//       global state
//       total = 0
//       for _ in range(3):
//           state = state * 48271 % 2147483647
//           total += state % 2048
//       return (total - 3072) / 1024
//   labels = np.arange(90) % 3 // 2
//   X = np.array([[(number() + labels[i] * (d < 3)) * (1 + d / 4) for d in range(6)] for i in range(90)])
//   PCA(4, svd_solver='full').fit(X[:60]).transform(X[[0, 61]])
//   half = lambda k: X[:60][np.arange(60) % 2 == k]
//   gm = GaussianMixture(2, max_iter=n, weights_init=[.5, .5], means_init=[half(k).mean(0) for k in (0, 1)],
//       precisions_init=[np.linalg.inv(np.cov(half(k).T, bias=True) + 1e-6 * np.eye(6)) for k in (0, 1)]).fit(X[:60])
//   gm.n_iter_, gm.score(X[:60]), gm.weights_, gm.means_, gm.covariances_, gm.predict_proba(X[60:63])
//   scaler = StandardScaler().fit(X[:60])
//   svc = SVC(C=c, gamma=1 / 6).fit(scaler.transform(X[:60]), labels[:60])
//   len(svc.support_), svc.predict(scaler.transform(X[60:]))

/** Features of an item. */
export const SIZE = 6;

/** Items to learn from, and others to be tested on. */
export const LEARNT = 60;
const ITEMS = 90;

/** 0, 0, 1, 0, 0, 1, ..; [90] */
export const LABELS = Int32Array.from({ length: ITEMS }, (_, i) => Math.floor((i % 3) / 2));

/** `[90, 6]`; items of class 1 lie higher in the first three features. Every value is exact in single precision. */
export const CODES = makeCodes();

function makeCodes(): Float32Array {
  let state = 1;
  const number = () => {
    let total = 0;
    for (let i = 0; i < 3; i++) {
      state = (state * 48271) % 2147483647;
      total += state % 2048;
    }
    return (total - 3072) / 1024;
  };
  return Float32Array.from({ length: ITEMS * SIZE }, (_, at) => {
    const d = at % SIZE;
    const label = LABELS[Math.floor(at / SIZE)]!;
    return (number() + (d < 3 ? label : 0)) * (1 + d / 4);
  });
}
